/**
 * A letter handed to today's code with the network taken away: decoded, validated, handled up to its first call. What an API would answer
 * nobody knows without asking it, so there the rehearsal ends.
 */
import { defaultIfEmpty, filter, finalize, firstValueFrom, map, merge, NEVER, type Observable, timer } from 'rxjs';
import type { Broker } from '../../broker/broker.ts';
import { codeOf, isTransient, messageOf } from '../../errors.ts';
import { createFacts } from '../../events.ts';
import { createClient } from '../../http/api-client.ts';
import type { CallTarget } from '../../http/call-target.ts';
import { createMemoryJournal } from '../../journal/memory-journal.ts';
import { silentLogger } from '../../log.ts';
import type { Delivery } from '../../message/delivery.ts';
import type { OutgoingMessage } from '../../message/outgoing.ts';
import { TimeLimits } from '../../operators/time-limits.ts';
import { admit } from '../../pipeline/admit.ts';
import { JournalWait } from '../../pipeline/await-journal.ts';
import { beginJourney } from '../../pipeline/begin-journey.ts';
import type { Engine } from '../../pipeline/engine.ts';
import { handleMessage } from '../../pipeline/handle-message.ts';
import { InFlight } from '../../pipeline/in-flight.ts';
import { IntakeGate } from '../../pipeline/intake-gate.ts';
import type { Failure, Judged } from '../../pipeline/journey.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';

export type Rehearsal =
  /** Handled to the end without a call; its results were made and not published. */
  | { readonly kind: 'done' }
  /** Everything before this call went well. */
  | { readonly kind: 'call'; readonly call: string }
  /** It fails before it calls anything. */
  | {
      readonly kind: 'failed';
      readonly code: string;
      readonly stage: string;
      readonly message: string;
      readonly isTransient: boolean;
    }
  /** Neither an end nor a call within the time. */
  | { readonly kind: 'open' };

/** A handle that does not get to a call within this is not waited for. */
const WITHIN_MS = 2_000;

/** Rehearses one copy after the other, each as its work queue would hand it over. */
export function rehearseWith(pipeline: Pipeline): (copy: OutgoingMessage) => Promise<Rehearsal> {
  let deliveryTag = 0;
  return (copy) => rehearse(pipeline, deliveredAs(copy, ++deliveryTag));
}

function rehearse(pipeline: Pipeline, delivery: Delivery): Promise<Rehearsal> {
  const admission = admit(delivery, pipeline);
  if (!admission.ok) return Promise.resolve(failure(admission.failure));

  // All its own: an async handle goes on after it was given up, and would keep slots and report calls of its own.
  const facts = createFacts();
  const engine: Engine = {
    broker: NO_BROKER,
    bindApi: (definition, scope) =>
      createClient(withoutNetwork(definition), { facts, random: Math.random, transport: () => NEVER }).bind(scope),
    availabilityOf: () => NEVER,
    journal: createMemoryJournal(),
    facts,
    log: silentLogger,
    random: Math.random,
    topology: 'check',
    drain: NEVER,
    halt: NEVER,
  };
  const journey = beginJourney(delivery, pipeline, undefined);

  const called: Observable<Rehearsal> = facts.stream.pipe(
    filter((fact) => fact.type === 'callStarted'),
    map(({ api, operation }) => ({ kind: 'call', call: `${api} ${operation}` })),
  );
  const inFlight = new InFlight({ halt: NEVER, limitMs: 2 * WITHIN_MS, onOverdue: () => {}, giveBack: () => {} });
  inFlight.add(journey);
  const journalWait = new JournalWait(engine, inFlight);
  const parts = { gate: new IntakeGate(), inFlight, journalWait, limits: new TimeLimits() };
  const handling = { pipeline, engine, ...parts, isDraining: () => false };
  const judged = handleMessage({ journey, admission }, handling).pipe(
    map(outcomeOf),
    finalize(() => inFlight.remove(journey)),
  );
  const isLate: Observable<Rehearsal> = timer(WITHIN_MS).pipe(map(() => ({ kind: 'open' })));
  return firstValueFrom(merge(called, isLate, judged).pipe(defaultIfEmpty<Rehearsal, Rehearsal>({ kind: 'open' })));
}

function outcomeOf({ verdict }: Judged): Rehearsal {
  if (verdict.kind === 'failed') return failure(verdict.failure);
  return { kind: verdict.kind === 'done' ? 'done' : 'open' };
}

const failure = ({ stage, error }: Failure): Rehearsal => ({
  kind: 'failed',
  code: codeOf(error),
  stage,
  message: messageOf(error),
  isTransient: isTransient(error),
});

/** Nothing of the definition that would reach for the network, the environment or a secret; the limits that refuse a request stay. */
function withoutNetwork(target: CallTarget): CallTarget {
  const { name } = target;
  const { maxRequestBytes } = target.options;
  const limits = maxRequestBytes === undefined ? {} : { maxRequestBytes };
  if (target.kind === 'service') {
    const { queue, exchange, operations } = target.options;
    const place = { ...(queue === undefined ? {} : { queue }), ...(exchange === undefined ? {} : { exchange }) };
    return { kind: 'service', name, options: { ...place, operations, retry: false, breaker: false, ...limits } };
  }
  return { kind: 'api', name, options: { baseUrl: 'http://dry-run.invalid', retry: false, breaker: false, ...limits } };
}

const deliveredAs = ({ routingKey, body, properties, headers }: OutgoingMessage, deliveryTag: number): Delivery => ({
  queue: routingKey,
  exchange: '',
  routingKey,
  deliveryTag,
  redelivered: false,
  body,
  properties,
  headers,
  lost: NEVER,
  ack: () => 'late',
  requeue: () => 'late',
});

/** A handle has no broker; the engine's settling, which has, is left out. */
const NO_BROKER: Broker = {
  address: 'none',
  status: NEVER,
  establish: () => NEVER,
  consume: () => NEVER,
  depthOf: () => NEVER,
  publish: () => NEVER,
  close: () => NEVER,
};
