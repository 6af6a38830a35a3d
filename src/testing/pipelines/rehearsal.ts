/**
 * A rehearsal: pipelines run by a real worker over the embedded broker's model and APIs that answer as told, everything they do written down.
 * Knows no diagrams. Has to run where the clock of RxJS is a test's own, from 0 on.
 */
import { asyncScheduler } from 'rxjs';
import type { Channel } from '../../broker/embedded/model/channel.ts';
import { InProcessBroker } from '../../broker/embedded/port/in-process-broker.ts';
import { establishOn } from '../../broker/embedded/port/port-topology.ts';
import { toPublish } from '../../broker/embedded/port/properties.ts';
import { deadLetterQueue, type QueueSource } from '../../broker/queue.ts';
import type { Topology } from '../../broker/topology.ts';
import { messageOf, TopologyError } from '../../errors.ts';
import { createFacts, type Fact, type Facts, type Settled } from '../../events.ts';
import type { CallTarget } from '../../http/call-target.ts';
import type { Transport } from '../../http/transport.ts';
import type { Journal } from '../../journal/journal.ts';
import type { Delivery } from '../../message/delivery.ts';
import type { OutgoingMessage } from '../../message/outgoing.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import type { Random } from '../../policies/random.ts';
import { foreignTopology, neededTopology } from '../../worker/needed-topology.ts';
import { type RecordingTarget, recorderOf } from '../../worker/record-worker.ts';
import type { Worker, WorkerState } from '../../worker/worker.ts';
import { startVirtualWorker } from '../virtual/virtual-worker.ts';
import type { SeenCall } from './calls.ts';
import { type DeadLetter, seenDeadLetter } from './dead-letters.ts';
import { Acquaintances, toOutgoing } from './messages.ts';
import { isCopy, type SeenResult, seenResult } from './published.ts';
import { ResultRoutes } from './result-routes.ts';
import { Row } from './row.ts';
import { ScriptedApi } from './scripted-api.ts';
import { watchedPort } from './watched-port.ts';

export interface RehearsalOptions {
  readonly pipelines: readonly Pipeline[];
  /** Made with what it reports to. */
  readonly journal: (facts: Facts) => Journal;
  readonly random: Random;
  /** What answers every call, in place of what a test says. */
  readonly answering?: Transport;
  /** What the worker gets in place of a delivery. Default: the delivery. */
  readonly receiving?: (delivery: Delivery) => Delivery;
  /** Where what happens is recorded. Default: nowhere. */
  readonly recording?: RecordingTarget;
}

/** Grace for what still runs when a rehearsal ends, in milliseconds. */
const GRACE_MS = 30_000;

export class Rehearsal {
  readonly pipelines: readonly Pipeline[];
  readonly broker: InProcessBroker;
  readonly routes: ResultRoutes;
  readonly worker: Worker;
  readonly apis: ReadonlyMap<string, ScriptedApi>;
  readonly definitions: ReadonlyMap<string, CallTarget>;
  readonly acquaintances = new Acquaintances();

  readonly calls = new Row<SeenCall>();
  readonly results = new Row<SeenResult>();
  readonly settlements = new Row<Settled>();
  readonly deadLetters = new Row<DeadLetter>();
  readonly facts = new Row<Fact>();
  readonly #rows = [this.calls, this.results, this.settlements, this.deadLetters, this.facts];

  readonly #channel: Channel;
  #workerState: WorkerState = 'starting';
  #hasRun = false;

  constructor({ pipelines, journal, random: source, answering, receiving, recording }: RehearsalOptions) {
    this.pipelines = pipelines;
    this.definitions = definitionsOf(pipelines);
    const scripts = new Map<CallTarget, ScriptedApi>();
    for (const [name, definition] of this.definitions)
      if (!scripts.has(definition)) scripts.set(definition, new ScriptedApi(name, definition, this.calls));
    this.apis = new Map(
      [...this.definitions].map(([name, definition]) => [name, scriptOf(scripts, definition)] as const),
    );

    const facts = createFacts();
    const recorder = recording === undefined ? undefined : recorderOf(pipelines, facts, recording);
    const random = recorder?.throughRandom(source) ?? source;
    this.broker = new InProcessBroker({ random });
    this.#channel = this.broker.model.openChannel(this.broker.model.openConnection('test'), () => {});
    this.routes = new ResultRoutes(this.broker, this.#channel, neededTopology(pipelines).exchanges);
    // The worker does the same a moment later; a message delivered at the very beginning has a queue to go to. What a deployment or a service
    // owns, and the worker only looks for, is there too: in a test nobody else declares it.
    for (const topology of [neededTopology(pipelines), foreignTopology(pipelines)]) this.#declare(topology);
    facts.stream.subscribe((fact) => {
      this.facts.add(fact);
      if (fact.type === 'settled') this.settlements.add(fact);
    });
    this.worker = startVirtualWorker({
      pipelines: pipelines.map(unwatched),
      journal: journal(facts),
      facts,
      random,
      broker: this.broker,
      gracePeriodMs: GRACE_MS,
      transportOf: (definition) => {
        const transport = answering ?? scriptOf(scripts, definition).transport;
        return recorder?.throughTransport(transport) ?? transport;
      },
      throughPort: (port) => {
        const watched = watchedPort(port, {
          receive: (delivery) => {
            const received = receiving?.(delivery) ?? delivery;
            this.acquaintances.meet(received);
            return received;
          },
          beforePublish: (message) => this.routes.prepare(message),
          onConfirmed: (message) => this.#confirmed(message),
        });
        return recorder?.throughPort(watched) ?? watched;
      },
    });
    this.worker.state.subscribe((state) => {
      this.#workerState = state;
      this.#hasRun ||= state === 'running';
      // What waits in the broker is left to it, as in production; a timer that is still due then is somebody's.
      if (state === 'stopped') this.broker.stopClock();
    });
  }

  /** Why the worker ended by itself, in words; undefined where it did not. */
  get failure(): string | undefined {
    const failure = this.worker.failure();
    if (failure === undefined) return undefined;
    return `the worker could not ${this.#hasRun ? 'go on' : 'start'}: ${messageOf(failure)}`;
  }

  get workerState(): WorkerState {
    return this.#workerState;
  }

  /** When anything was last seen to happen, in the broker's own time too. */
  get lastFrame(): number {
    return Math.max(this.broker.alarmedAt, this.broker.dialledAt, ...this.#rows.map((row) => row.lastFrame));
  }

  /** Deliveries that are not settled. */
  get inFlight(): number {
    return Object.values(this.worker.ledgers()).reduce((sum, { inFlight }) => sum + inFlight, 0);
  }

  /** Calls nobody answered. */
  get unexpectedCalls(): readonly string[] {
    return [...new Set(this.apis.values())].flatMap(({ unexpected }) => unexpected);
  }

  /** Answers nobody asked for, of those that were written for one call each. */
  get unusedAnswers(): readonly string[] {
    return [...new Set(this.apis.values())].flatMap(({ unused }) => unused);
  }

  /** A message into a queue, at a moment. */
  deliver(value: unknown, symbol: string, source: QueueSource, frame: number): void {
    const outgoing = toOutgoing(value, this.acquaintances.nextId(symbol), source);
    this.acquaintances.introduce(outgoing.properties.messageId, value, symbol);
    this.at(frame, () => this.broker.run((model) => model.publish(this.#channel, toPublish(outgoing))));
  }

  /** Does something at a moment counted from the beginning. */
  at(frame: number, action: () => void): void {
    const now = asyncScheduler.now();
    if (frame < now) throw new RangeError(`${frame} ms is over: it is ${now} ms by now`);
    asyncScheduler.schedule(action, frame - now);
  }

  /** Writes nothing down any more. */
  close(): void {
    for (const row of this.#rows) row.close();
  }

  /** @throws Error where the pipelines do not go together: nobody else has declared anything. */
  #declare(topology: Topology): void {
    try {
      this.broker.run((model) => establishOn(model, this.#channel, topology, 'assert'));
    } catch (cause) {
      if (!(cause instanceof TopologyError)) throw cause;
      const names = this.pipelines.map(({ name }) => `"${name}"`).join(', ');
      throw new Error(
        `the worker could not start: what the pipelines ${names} declare does not go together: ${cause.message}`,
        { cause },
      );
    }
  }

  #confirmed(message: OutgoingMessage): void {
    if (!isCopy(message, this.pipelines)) this.results.add(seenResult(message));
    else if (this.pipelines.some(({ source }) => message.routingKey === deadLetterQueue(source.name)))
      this.deadLetters.add(seenDeadLetter(message));
  }
}

/**
 * A message that stays unsettled is what a test has to hear of: giving it back now and then would only hide it, and time would not end. Nor would
 * it with a worker that looks for others, and there is none.
 */
const unwatched = (pipeline: Pipeline): Pipeline => ({
  ...pipeline,
  source: { ...pipeline.source, settleWithinMs: Number.POSITIVE_INFINITY, ...withoutLooks(pipeline.source) },
});

const withoutLooks = ({ partitions }: QueueSource): Pick<QueueSource, 'partitions'> =>
  partitions === undefined ? {} : { partitions: { ...partitions, lookEveryMs: Number.POSITIVE_INFINITY } };

/** The APIs of all pipelines by the names their handles know them by. */
function definitionsOf(pipelines: readonly Pipeline[]): ReadonlyMap<string, CallTarget> {
  const definitions = new Map<string, CallTarget>();
  for (const [name, definition] of pipelines.flatMap(({ apis }) => Object.entries(apis))) {
    const known = definitions.get(name);
    if (known !== undefined && known !== definition)
      throw new TypeError(`two of the pipelines call different APIs "${name}": test them one by one`);
    definitions.set(name, definition);
  }
  return definitions;
}

function scriptOf(scripts: ReadonlyMap<CallTarget, ScriptedApi>, definition: CallTarget): ScriptedApi {
  const script = scripts.get(definition);
  if (script === undefined) throw new TypeError(`api "${definition.name}" is declared by none of the pipelines`);
  return script;
}
