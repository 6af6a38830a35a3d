/**
 * The arguments of a queue declaration: which RabbitMQ knows, what it allows in them, and the texts with which it refuses.
 * They are checked in a fixed order, and the first mistake is the one that is told.
 */

import { type AmqpFault, preconditionFailed } from './fault.ts';
import { type Field, integerIn, isInteger, isSameField, longstr, printed, type Table, textIn } from './field.ts';

export interface QueueSettings {
  readonly isQuorum: boolean;
  readonly isStream: boolean;
  /** Of a stream: how long a message is kept. */
  readonly maxAgeMs?: number;
  readonly messageTtlMs?: number;
  readonly expiresMs?: number;
  readonly maxLength?: number;
  readonly maxLengthBytes?: number;
  readonly overflow: 'drop-head' | 'reject-publish' | 'reject-publish-dlx';
  readonly deadLetterExchange?: string;
  readonly deadLetterRoutingKey?: string;
  /** Of a quorum queue. Undefined: none. */
  readonly deliveryLimit?: number;
  /** 0 for a queue without priorities. */
  readonly maxPriority: number;
  readonly isSingleActiveConsumer: boolean;
}

const MAX_TIME_MS = 315_360_000_000;

/** The complaint about a value, as RabbitMQ prints it, or undefined. */
type Check = (field: Field, all: Table) => string | undefined;

const integer: Check = (field) => (isInteger(field) ? undefined : `"expected integer, got ${field.type}"`);
const notNegative: Check = (field) =>
  integer(field, NONE) ?? (Number(field.value) < 0 ? `{value_negative,${printed(field)}}` : undefined);
const time: Check = (field) =>
  notNegative(field, NONE) ?? (Number(field.value) > MAX_TIME_MS ? `{value_too_large,${printed(field)}}` : undefined);
const positiveTime: Check = (field) =>
  isInteger(field) && Number(field.value) === 0 ? '{value_zero,0}' : time(field, NONE);
const positive: Check = (field) =>
  isInteger(field) && Number(field.value) === 0 ? '{value_zero,0}' : notNegative(field, NONE);
const text: Check = (field) => (field.type === 'longstr' ? undefined : `{unacceptable_type,${field.type}}`);
const flag: Check = (field) => (field.type === 'bool' ? undefined : `{unacceptable_type,${field.type}}`);
const oneOf =
  (allowed: readonly string[], complaint: (value: string) => string): Check =>
  (field) =>
    text(field, NONE) ?? (allowed.includes(printed(field)) ? undefined : complaint(printed(field)));

const NONE: Table = new Map();

const LEADER_LOCATORS = ['client-local', 'balanced', 'random', 'least-leaders', 'min-masters'];
const OVERFLOWS = ['drop-head', 'reject-publish', 'reject-publish-dlx'] as const;

/** Every argument RabbitMQ declares, in the order in which it checks them. */
const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['x-expires', positiveTime],
  ['x-message-ttl', time],
  [
    'x-dead-letter-routing-key',
    (field, all) =>
      text(field, all) ?? (all.has('x-dead-letter-exchange') ? undefined : 'routing_key_but_no_dlx_defined'),
  ],
  ['x-dead-letter-strategy', oneOf(['at-most-once', 'at-least-once'], () => 'invalid_dlx_strategy')],
  ['x-max-length', notNegative],
  ['x-max-length-bytes', notNegative],
  ['x-max-in-memory-length', notNegative],
  ['x-max-in-memory-bytes', notNegative],
  [
    'x-max-priority',
    (field, all) =>
      notNegative(field, all) ?? (Number(field.value) > 255 ? `{max_value_exceeded,${printed(field)}}` : undefined),
  ],
  ['x-overflow', oneOf(OVERFLOWS, () => 'invalid_overflow')],
  ['x-queue-mode', oneOf(['default', 'lazy'], (mode) => `"unsupported queue mode '${mode}'"`)],
  [
    'x-queue-version',
    (field, all) =>
      integer(field, all) ??
      (['1', '2'].includes(printed(field)) ? undefined : `"unsupported queue version '${printed(field)}'"`),
  ],
  ['x-single-active-consumer', flag],
  ['x-max-age', (field) => text(field, NONE) ?? (AGE.test(printed(field)) ? undefined : '{error,invalid_max_age}')],
  ['x-quorum-initial-group-size', positive],
  ['x-queue-leader-locator', oneOf(LEADER_LOCATORS, () => 'invalid_queue_locator_arg')],
  ['x-queue-type', oneOf(['classic', 'quorum', 'stream'], (type) => `"unsupported queue type '${type}'"`)],
]);

/** A count and its unit: years, months, days, hours, minutes, seconds. */
const AGE = /^([0-9]+)([YMDhms])$/;

const CLASSIC_ONLY = ['x-max-priority', 'x-queue-mode', 'x-queue-version', 'x-queue-master-locator'];
const QUORUM_ONLY = [
  'x-delivery-limit',
  'x-dead-letter-strategy',
  'x-max-in-memory-length',
  'x-max-in-memory-bytes',
  'x-quorum-initial-group-size',
];

const STREAM_ONLY = ['x-max-age', 'x-stream-max-segment-size-bytes', 'x-initial-cluster-size'];
/** A log has no order but its own, no ends and no owner. */
const NOT_OF_STREAMS = [
  'x-expires',
  'x-message-ttl',
  'x-dead-letter-exchange',
  'x-dead-letter-routing-key',
  'x-max-length',
  'x-overflow',
  'x-single-active-consumer',
];

type Kind = 'classic' | 'quorum' | 'stream';

/** Arguments of other kinds of queues. */
const FOREIGN: Readonly<Record<Kind, readonly string[]>> = {
  classic: [...QUORUM_ONLY, ...STREAM_ONLY],
  quorum: [...CLASSIC_ONLY, ...STREAM_ONLY],
  stream: [...CLASSIC_ONLY, ...QUORUM_ONLY, ...NOT_OF_STREAMS],
};

function kindOf(fields: Table): Kind {
  const type = textIn(fields, 'x-queue-type');
  return type === 'quorum' || type === 'stream' ? type : 'classic';
}

/** `queue 'orders' in vhost '/'` */
export type Place = string;

/**
 * Reads the arguments of a declaration.
 * @throws AmqpFault 406 for the first that RabbitMQ refuses.
 */
export function readQueueArguments(fields: Table, name: string, vhost: string): QueueSettings {
  const place = `queue '${name}' in vhost '${vhost}'`;
  const exchange = fields.get('x-dead-letter-exchange');
  if (exchange !== undefined && exchange.type !== 'longstr') {
    throw preconditionFailed(`invalid type '${exchange.type}' for arg 'x-dead-letter-exchange' in ${place}`);
  }
  const kind = kindOf(fields);
  const foreign = FOREIGN[kind].find((argument) => fields.has(argument));
  const type = fields.get('x-queue-type');
  if (type !== undefined) refuseInvalid('x-queue-type', type, fields, place);
  if (foreign !== undefined) {
    throw preconditionFailed(`invalid arg '${foreign}' for ${place} of queue type rabbit_${kind}_queue`);
  }
  for (const argument of CHECKS.keys()) {
    const field = fields.get(argument);
    if (field !== undefined) refuseInvalid(argument, field, fields, place);
  }
  return settingsOf(fields, kind);
}

function refuseInvalid(argument: string, field: Field, all: Table, place: Place): void {
  const complaint = CHECKS.get(argument)?.(field, all);
  if (complaint !== undefined) throw preconditionFailed(`invalid arg '${argument}' for ${place}: ${complaint}`);
}

const AGE_UNITS_MS: Readonly<Record<string, number>> = {
  Y: 31_536_000_000,
  M: 2_592_000_000,
  D: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
};

/** `7D`, as the check has seen. */
function ageMs(text: string | undefined): number | undefined {
  const [, count, unit = ''] = AGE.exec(text ?? '') ?? [];
  return count === undefined ? undefined : Number(count) * (AGE_UNITS_MS[unit] ?? 0);
}

function settingsOf(fields: Table, kind: Kind): QueueSettings {
  const present = <T>(key: string, value: T | undefined): Readonly<Record<string, T>> =>
    value === undefined ? {} : { [key]: value };
  return {
    isQuorum: kind === 'quorum',
    isStream: kind === 'stream',
    ...present('maxAgeMs', ageMs(textIn(fields, 'x-max-age'))),
    overflow: OVERFLOWS.find((overflow) => overflow === textIn(fields, 'x-overflow')) ?? 'drop-head',
    maxPriority: integerIn(fields, 'x-max-priority') ?? 0,
    isSingleActiveConsumer: fields.get('x-single-active-consumer')?.value === true,
    ...present('messageTtlMs', integerIn(fields, 'x-message-ttl')),
    ...present('expiresMs', integerIn(fields, 'x-expires')),
    ...present('maxLength', integerIn(fields, 'x-max-length')),
    ...present('maxLengthBytes', integerIn(fields, 'x-max-length-bytes')),
    ...present('deadLetterExchange', textIn(fields, 'x-dead-letter-exchange')),
    ...present('deadLetterRoutingKey', textIn(fields, 'x-dead-letter-routing-key')),
    ...present('deliveryLimit', deliveryLimitIn(fields)),
  };
}

/** Since RabbitMQ 4.0 a queue that says nothing has a limit, and one that says -1 has none. */
function deliveryLimitIn(fields: Table): number | undefined {
  const limit = integerIn(fields, 'x-delivery-limit') ?? DEFAULT_DELIVERY_LIMIT;
  return limit < 0 ? undefined : limit;
}

const DEFAULT_DELIVERY_LIMIT = 20;

/** Arguments that a second declaration must repeat, in the order in which RabbitMQ compares them. */
const COMPARED = [
  'x-expires',
  'x-message-ttl',
  'x-dead-letter-exchange',
  'x-dead-letter-routing-key',
  'x-dead-letter-strategy',
  'x-max-length',
  'x-max-length-bytes',
  'x-max-in-memory-length',
  'x-max-in-memory-bytes',
  'x-max-priority',
  'x-overflow',
  'x-queue-mode',
  'x-queue-version',
  'x-single-active-consumer',
  'x-delivery-limit',
  'x-quorum-initial-group-size',
  'x-max-age',
  'x-queue-type',
];

/** @throws AmqpFault 406 when a declaration repeats a queue with other arguments. */
export function refuseOtherArguments(received: Table, current: Table, place: Place): void {
  for (const argument of COMPARED) {
    // A queue without a type is classic, whether it says so or not.
    const unsaid = argument === 'x-queue-type' ? longstr('classic') : undefined;
    refuseOther(argument, received.get(argument) ?? unsaid, current.get(argument) ?? unsaid, place);
  }
}

export function refuseOther(
  argument: string,
  received: Field | undefined,
  current: Field | undefined,
  place: Place,
): void {
  if (!isSameField(received, current)) throw inequivalent(argument, received, current, place);
}

function inequivalent(
  argument: string,
  received: Field | undefined,
  current: Field | undefined,
  place: Place,
): AmqpFault {
  const both = received !== undefined && current !== undefined;
  const describe = (field: Field | undefined): string => {
    if (field === undefined) return 'none';
    return both ? `'${printed(field)}'` : `the value '${printed(field)}' of type '${field.type}'`;
  };
  return preconditionFailed(
    `inequivalent arg '${argument}' for ${place}: received ${describe(received)} but current is ${describe(current)}`,
  );
}
