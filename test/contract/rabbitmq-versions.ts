/**
 * What other versions of RabbitMQ do otherwise than 4.0, which the AMQP cases expect and the embedded broker imitates: the one place that knows. By the
 * title of the case, from the outcome on 4.0 to that on 3, as 3.10 gives it, or since 4.3. A case that is not here is the same on all.
 */
import { isFrom } from '../support/rabbitmq-version.ts';

type Otherwise = (expected: unknown) => unknown;

const is =
  (outcome: unknown): Otherwise =>
  () =>
    outcome;

const refused = (scope: 'channel' | 'connection', text: string): Otherwise => is({ scope, text });

/** The same with the fields of all its tables as `say` has them; undefined leaves one out. */
const withFields =
  (say: (name: string, value: unknown) => unknown): Otherwise =>
  (outcome) => {
    if (Array.isArray(outcome)) return outcome.map(withFields(say));
    if (typeof outcome !== 'object' || outcome === null) return outcome;
    return Object.fromEntries(
      Object.entries(outcome).flatMap(([name, value]) => {
        const said = say(name, value);
        return said === undefined ? [] : [[name, withFields(say)(said)]];
      }),
    );
  };

const isOfLastDeath = (name: string): boolean => name.startsWith('x-last-death-');

const withoutLastDeaths = withFields((name, value) => (isOfLastDeath(name) ? undefined : value));

const NO_WAY_BACK = is({
  refusal: {
    scope: 'connection',
    text: "540 NOT_IMPLEMENTED - basic.nack and basic.reject not supported by stream queues queue '<1>' in vhost '/'",
  },
  read: ['a'],
});

const onRabbitMq3: ReadonlyMap<string, Otherwise> = new Map<string, Otherwise>([
  // A quorum queue that says nothing has no delivery limit, -1 is one below 0, and a message without a limit goes to the end.
  [
    'deliveries that are given back go to the front of a quorum queue that says nothing of a delivery limit, first back first',
    is(['d', 'c!', 'a!']),
  ],
  ['deliveries that are given back go to the end of a quorum queue whose delivery limit is lifted', is(['d'])],
  [
    'dead letters and limits come from a quorum queue that says nothing of a delivery limit when it is handed over for the 21st time in vain',
    is([30, []]),
  ],
  // Nor has it priorities.
  [
    'deliveries of a quorum queue come in turns, two above priority 4 and one of the others',
    is(['a4', 'b4', 'c4', 'd5', 'e5', 'f5', 'g5']),
  ],
  // Who came first is next.
  [
    'deliveries of a quorum queue with a single active consumer go to the waiting one with most room next, and of those to the oldest',
    is([1, 10, 500, 0, 500].map((prefetch) => [prefetch, 1])),
  ],

  // Dead letters: the record is the header x-death itself, whoever wrote it.
  ...[
    'publishes to a full queue that dead-letters what it rejects are nacked and dead-lettered',
    'dead letters and limits tell where and why a message was rejected',
    'dead letters and limits of an expired message lose its expiration and keep it in x-death',
    'dead letters and limits come from the head of a full queue',
    'dead letters and limits go to an exchange with their own routing key when none is given',
    'dead letters and limits count each queue and reason, the newest first',
    'dead letters and limits come from a quorum queue after its delivery limit, by reject',
    'dead letters and limits come from a quorum queue after its delivery limit, by nack',
  ].map((title) => [title, withoutLastDeaths] as const),
  [
    'dead letters and limits with CC name all keys, and keep CC when a routing key is given',
    withFields((name, value) => (isOfLastDeath(name) || name === 'CC' ? undefined : value)),
  ],
  [
    'dead letters and limits that are published again have not died: what a client says of deaths is not read',
    withFields((name, value) => (isOfLastDeath(name) ? undefined : name === 'count' ? 2 : value)),
  ],

  [
    'refusals an exchange type nobody knows',
    refused('connection', "503 COMMAND_INVALID - unknown exchange type 'strange'"),
  ],
  [
    'refusals a queue of another type',
    refused(
      'channel',
      "406 PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue '<1>' in vhost '/': received the value 'quorum' of type 'longstr' but current is none",
    ),
  ],
  [
    'refusals a queue without its type',
    refused(
      'channel',
      "406 PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue '<1>' in vhost '/': received none but current is the value 'quorum' of type 'longstr'",
    ),
  ],
  // 128 MiB.
  ['refusals a message larger than 16 MiB', is({ scope: 'none', text: '' })],

  ['streams take nothing back by reject, and go on', NO_WAY_BACK],
  ['streams take nothing back by nack, drop nothing, and go on', NO_WAY_BACK],
  [
    'streams are not read without a prefetch',
    refused('channel', "406 PRECONDITION_FAILED - consumer prefetch count is not set for 'queue '<1>' in vhost '/''"),
  ],
  [
    'streams are not read without acks',
    refused(
      'connection',
      "540 NOT_IMPLEMENTED - automatic acknowledgement not supported by stream queues queue '<1>' in vhost '/'",
    ),
  ],
]);

const sinceRabbitMq43: ReadonlyMap<string, Otherwise> = new Map<string, Otherwise>([
  // A prefetch for all consumers of a channel is one for each, on quorum queues too.
  ['deliveries are bounded for all consumers together when the prefetch is global', is([6, 0])],
  ['refusals global prefetch on a quorum queue', is({ scope: 'none', text: '' })],

  // Priorities are strict, from 0 to 31, and what comes back goes to the front whatever the limit.
  [
    'deliveries of a quorum queue come in turns, two above priority 4 and one of the others',
    is(['d5', 'e5', 'f5', 'g5', 'a4', 'b4', 'c4']),
  ],
  [
    'deliveries that are given back go to the end of a quorum queue whose delivery limit is lifted',
    is(['c!', 'a!', 'd']),
  ],

  // A nack uses nothing up. How often a message was handed over is told beside how often that failed.
  [
    'dead letters and limits come from a quorum queue after its delivery limit, by nack',
    is([[undefined, undefined, undefined], 'handed over again']),
  ],
  [
    'deliveries that come back to a quorum queue carry x-delivery-count',
    is(
      [undefined, 1, 2].map((count) => [
        { mine: 'kept', ...(count === undefined ? {} : { 'x-acquired-count': count, 'x-delivery-count': count }) },
        count !== undefined,
      ]),
    ),
  ],

  ['publishes to a reply address of a channel that closed reach nobody', is(['ack pong'])],
]);

/** Where versions differ, newest first. */
const SERIES = [
  { name: 'RabbitMQ 4.3', isOne: (version: readonly number[]) => isFrom(version, [4, 3]), otherwise: sinceRabbitMq43 },
  { name: 'RabbitMQ 3', isOne: (version: readonly number[]) => !isFrom(version, [4, 0]), otherwise: onRabbitMq3 },
] as const;

/** By series, for the table itself to be tested. */
export const others: ReadonlyMap<string, ReadonlyMap<string, Otherwise>> = new Map(
  SERIES.map(({ name, otherwise }) => [name, otherwise]),
);

/** What the case has to come to on this version, from what is expected on 4.0. */
export function expectedOn(version: readonly number[], title: string, expected: unknown): unknown {
  const otherwise = SERIES.find(({ isOne }) => isOne(version))?.otherwise.get(title);
  return otherwise === undefined ? expected : otherwise(expected);
}
