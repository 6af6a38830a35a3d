/** What a test of pipelines holds in its hand: messages in, answers of APIs, and what is expected to come of them. */
import type { Destination } from '../../broker/exchange.ts';
import type { Fact } from '../../events.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import type { Checks } from '../marble-checks.ts';
import type { MarbleSubscription } from '../marble-expectation.ts';
import { parseDiagram } from '../marble-parser.ts';
import { expectSubscriptions, type SubscriptionExpectation } from '../stream-kit.ts';
import { callRules, checkCalls, type ExpectedCall } from './calls.ts';
import { type DeadLetter, deadLetterRules } from './dead-letters.ts';
import { consumingRules, type FactParts, type FactType, factRules } from './facts.ts';
import { checkResults, type ExpectedResult, publishedRules } from './published.ts';
import type { Rehearsal } from './rehearsal.ts';
import { expectRow, type Seen } from './row.ts';
import type { ApiScript } from './scripted-api.ts';
import { checkSettlements, type ExpectedSettlement, settlementRules } from './settlements.ts';

type Values<T> = Readonly<Record<string, T>>;

/** The broker, to misbehave: at once, so within an action of `at`. */
export interface BrokerControls {
  /** Ends all connections, as a failing network does. They come back after 100 ms; what was out is delivered again. */
  cutConnections(reason?: string): void;
  /** Ends all connections and lets none be made, or lets them be made again. */
  setReachable(isReachable: boolean): void;
  /** Refuses the next publishes by `basic.nack`, and stores nothing for them. */
  nackNextConfirms(count: number): void;
  /** Keeps confirms back, or lets them go. */
  holdConfirms(isHeld: boolean): void;
  /** Lets nobody publish, as under a memory alarm. */
  block(reason?: string): void;
  unblock(): void;
  /** From now on no queue takes what is published there. */
  unroute(destination: Destination): void;
  /** Takes `unroute` back. */
  route(destination: Destination): void;
}

/** The worker, to be ended before its time. */
export interface WorkerControls {
  /** Takes no more messages, finishes what runs within 30 s, gives back the rest. */
  stop(): void;
  /** Ends the grace period: gives back what still runs. */
  hasten(): void;
}

export interface PipelineKit<Names extends string = string> {
  /**
   * Messages, as a hot diagram. A value is a body, or `message(body, { headers, attempt … })`. They go to the source queue of the pipeline, of
   * the first one where there are several, or to that of the pipeline named.
   */
  deliver(diagram: string, values: Values<unknown>, pipeline?: string): void;
  /** The pipeline's APIs and services, by the names its handle knows them by. */
  readonly api: Readonly<Record<Names, ApiScript>>;
  readonly broker: BrokerControls;
  readonly worker: WorkerControls;
  /** Runs actions at their moments: `at('---x', { x: () => broker.cutConnections() })`. */
  at(diagram: string, actions: Values<() => void>): void;
  /** Every attempt of every call, as it leaves. Values are made by `call`. */
  expectCalls(diagram: string, values?: Values<ExpectedCall>): void;
  /** Results, as the broker confirms them; copies for a later try and dead letters are none. Values are made by `published`. */
  expectPublished(diagram: string, values?: Values<ExpectedResult>): void;
  /** What became of the messages. Values are made by `ack`, `retry`, `deadLetter` and `returned`. */
  expectSettled(diagram: string, values?: Values<ExpectedSettlement>): void;
  /** What lies in the dead-letter queues, as the broker confirms it. A value names what is compared. */
  expectDeadLetters(diagram: string, values?: Values<Partial<DeadLetter>>): void;
  /** Facts of these types, and no others. A value names what is compared. */
  expectFacts<Type extends FactType>(
    types: Type | readonly Type[],
    diagram: string,
    values?: Values<FactParts<NoInfer<Type>>>,
  ): void;
  /** When a pipeline, the first or the one named, takes messages from its queue: `t`, and when it does not: `f`. */
  expectConsuming(diagram: string, pipeline?: string): void;
  /** Of an answer: `expectSubscriptions(charge.subscriptions).toBe('--^--!')`. */
  expectSubscriptions(actual: readonly MarbleSubscription[]): SubscriptionExpectation;
}

/** `plan`: told the last moment at which the test itself does something. */
export function createPipelineKit<Names extends string>(
  rehearsal: Rehearsal,
  checks: Checks,
  plan: (frame: number) => void,
): PipelineKit<Names> {
  const { pipelines, apis, definitions, acquaintances } = rehearsal;
  const calls = callRules((name) => definitions.get(name));
  const settlements = settlementRules(acquaintances);

  /** For whoever expects results alone: where there are none, what became of the message. */
  const whyNothing = (): string => {
    const dead = rehearsal.settlements.seen.find(({ value }) => value.settlement === 'deadLetter');
    if (rehearsal.results.seen.length > 0 || dead === undefined) return '';
    return `\n  there: nothing, but ${settlements.describe(dead.value, [])}`;
  };

  const pipelineNamed = (subject: string, name: string | undefined): Pipeline => {
    const found = name === undefined ? pipelines[0] : pipelines.find((pipeline) => pipeline.name === name);
    if (found !== undefined) return found;
    throw new TypeError(`${subject}: no pipeline "${name}", only ${pipelines.map((one) => one.name).join(', ')}`);
  };

  /** Each symbol of a hot diagram with its value. */
  const schedule = <T>(
    subject: string,
    diagram: string,
    values: Values<T>,
    act: (value: T, frame: number, symbol: string) => void,
  ): void => {
    // Without types, values may be left out: then the first symbol is told.
    const entries = Object.fromEntries(Object.entries(values ?? {}).map((entry) => [entry[0], entry]));
    for (const { frame, notification } of parseDiagram(subject, diagram, entries, undefined, { marks: '' })) {
      if (notification.kind !== 'N') continue;
      const [symbol, value] = notification.value as [string, T];
      plan(frame);
      act(value, frame, symbol);
    }
  };

  const kit: PipelineKit<Names> = {
    deliver: (diagram, values, pipeline) => {
      const { source } = pipelineNamed('deliver', pipeline);
      schedule('deliver', diagram, values, (value, frame, symbol) => rehearsal.deliver(value, symbol, source, frame));
    },
    api: scriptsByName<Names>(apis),
    broker: brokerControls(rehearsal),
    worker: {
      stop: () => rehearsal.worker.stop(),
      hasten: () => rehearsal.worker.hasten('the test ends the grace period'),
    },
    at: (diagram, actions) => schedule('at', diagram, actions, (action, frame) => rehearsal.at(frame, action)),
    expectCalls: (diagram, values = {}) => {
      checkCalls(values, definitions);
      checks.add(kit.expectCalls, expectRow(rehearsal.calls.seen, diagram, values, calls));
    },
    expectPublished: (diagram, values = {}) => {
      checkResults(values);
      const difference = expectRow(rehearsal.results.seen, diagram, values, publishedRules);
      checks.add(kit.expectPublished, () => {
        const text = difference();
        return text === undefined ? undefined : text + whyNothing();
      });
    },
    expectSettled: (diagram, values = {}) => {
      checkSettlements(values);
      checks.add(kit.expectSettled, expectRow(rehearsal.settlements.seen, diagram, values, settlements));
    },
    expectDeadLetters: (diagram, values = {}) =>
      checks.add(kit.expectDeadLetters, expectRow(rehearsal.deadLetters.seen, diagram, values, deadLetterRules)),
    expectFacts: (types, diagram, values = {}) => {
      const wanted: readonly string[] = [types].flat();
      if (wanted.length === 0) throw new TypeError('expectFacts: expected a type of facts, or several');
      const compare = (): string | undefined => {
        const row = rehearsal.facts.seen.filter(({ value }) => wanted.includes(value.type));
        return expectRow(row, diagram, values, factRules)();
      };
      parseDiagram(factRules.subject, diagram, values, undefined, { marks: '', needsValues: true });
      checks.add(kit.expectFacts, compare);
    },
    expectConsuming: (diagram, pipeline) => {
      const { name } = pipelineNamed('expectConsuming', pipeline);
      const values = { t: true, f: false };
      parseDiagram(consumingRules.subject, diagram, values, undefined, { marks: '' });
      checks.add(kit.expectConsuming, () =>
        expectRow(consumingOf(rehearsal.facts.seen, name), diagram, values, consumingRules)(),
      );
    },
    expectSubscriptions: (actual) => expectSubscriptions(checks, kit.expectSubscriptions, actual),
  };
  return kit;
}

const scriptsByName = <Names extends string>(
  apis: ReadonlyMap<string, ApiScript>,
): Readonly<Record<Names, ApiScript>> =>
  new Proxy(Object.fromEntries(apis) as Readonly<Record<string, ApiScript>>, {
    get: (scripts, name) => {
      if (typeof name === 'symbol' || name in scripts) return Reflect.get(scripts, name) as unknown;
      const known = Object.keys(scripts);
      throw new TypeError(`the pipeline has no api "${name}"${known.length === 0 ? '' : `, only ${known.join(', ')}`}`);
    },
  });

function brokerControls({ broker, routes }: Rehearsal): BrokerControls {
  return {
    cutConnections: (reason) => broker.cutConnections(reason),
    setReachable: (isReachable) => broker.setReachable(isReachable),
    nackNextConfirms: (count) => broker.run((model) => model.nackNextConfirms(count)),
    holdConfirms: (isHeld) => broker.run((model) => model.holdConfirms(isHeld)),
    block: (reason = 'the test blocks it') => broker.block(reason),
    unblock: () => broker.unblock(),
    unroute: (destination) => routes.remove(destination),
    route: (destination) => routes.restore(destination),
  };
}

/** When it began and when it ceased: a reason that changes in between is no change. A worker that drains takes nothing more. */
function consumingOf(facts: readonly Seen<Fact>[], pipeline: string): readonly Seen<boolean>[] {
  const states = facts.flatMap(({ frame, value: fact }) => {
    if (fact.type === 'workerMoved' && fact.state === 'draining') return [{ frame, value: false }];
    if (fact.type !== 'intakeChanged' || fact.pipeline !== pipeline) return [];
    return [{ frame, value: fact.state === 'consuming' }];
  });
  return states.filter(({ value }, index) => value !== states[index - 1]?.value);
}
