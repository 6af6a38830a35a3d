/**
 * One simulated world, from its plan to its end: workers over one broker, APIs and a journal, a phase in which anything may fail, a phase in
 * which nothing does, and laws that watch. The same plan gives the same world.
 */
import { InProcessBroker } from '../../broker/embedded/port/in-process-broker.ts';
import type { JournalRecord } from '../../journal/journal.ts';
import type { OutgoingMessage } from '../../message/outgoing.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { sagaState } from '../../saga/saga-state.ts';
import { toOutgoing } from '../pipelines/messages.ts';
import { type PromiseInVirtualTimeError, PromiseWatch } from '../pipelines/promise-watch.ts';
import { seededRandom } from '../virtual/seeded-random.ts';
import { Accounts } from './accounts.ts';
import { Breakdowns } from './breakdowns.ts';
import { builtInLaws } from './laws/built-in-laws.ts';
import type { Breach, Watch } from './laws/law.ts';
import { MessageNames } from './message-names.ts';
import type { Setup } from './options.ts';
import { Outside } from './outside.ts';
import type { Burst, Plan } from './plan.ts';
import { apiNamesOf } from './setup.ts';
import { SimulatedApi } from './simulated-api.ts';
import { SimulatedJournal } from './simulated-journal.ts';
import { SimulatedWorker } from './simulated-worker.ts';
import type { EndedMessage, SimulationEnd } from './simulation-end.ts';
import { Tally, type Totals } from './tally.ts';
import { inVirtualTime, type VirtualTime } from './virtual-time.ts';
import type { WorldEvent, WorldEventBody } from './world-event.ts';

export interface Violation {
  readonly law: string;
  readonly text: string;
  readonly at: number;
  readonly messageId: string | undefined;
}

export interface WorldReport {
  readonly totals: Totals;
  readonly unusedAnswers: readonly string[];
  readonly violation: Violation | undefined;
  /** Why these pipelines cannot be simulated at all. */
  readonly refusal: PromiseInVirtualTimeError | undefined;
}

/** From a command at the broker to its effect at a worker: steps happen one after the other, and a crash may come between. */
const BROKER_LATENCY_MS = 1;

const LOOK_EVERY_MS = 1_000;

const BOOKS_EVERY_MS = 60_000;

/** Time for what a worker leaves behind to show. */
const AFTERMATH_MS = 60_000;

/** Runs a plan. @param onEvent Hears everything, for timelines. */
export function runWorld(setup: Setup, plan: Plan, onEvent?: (event: WorldEvent) => void): WorldReport {
  let world: World | undefined;
  const promises = new PromiseWatch((error) => world?.refuse(error), 'as the methods of an API do');
  promises.during(() =>
    inVirtualTime(
      (time) => {
        world = new World(setup, plan, time, promises, onEvent);
        world.begin();
      },
      (error) => world?.emit({ kind: 'unhandled', error }),
    ),
  );
  if (world === undefined) throw new TypeError('virtual time ended before it began');
  return world.close();
}

interface PublishedMessage {
  readonly pipeline: string;
  readonly messageId: string;
  readonly body: unknown;
}

class World {
  readonly #setup: Setup;
  readonly #plan: Plan;
  readonly #time: VirtualTime;
  readonly #onEvent: ((event: WorldEvent) => void) | undefined;
  readonly #broker: InProcessBroker;
  readonly #journal: SimulatedJournal;
  readonly #apis: readonly SimulatedApi[];
  readonly #workers: readonly SimulatedWorker[];
  readonly #outside: Outside;
  readonly #breakdowns: Breakdowns;
  readonly #accounts = new Accounts();
  readonly #tally = new Tally();
  readonly #watches: readonly (readonly [law: string, watch: Watch])[];
  readonly #published: PublishedMessage[] = [];
  readonly #sagas = new Map<string, { readonly saga: string; readonly sagaId: string; records: JournalRecord[] }>();
  /** Messages that are planned and not published yet. */
  #toPublish = 0;
  #violation: Violation | undefined;
  #refusal: PromiseInVirtualTimeError | undefined;
  #lastNumber = 0;
  /** The first call of this world has this number in the process. */
  #firstCallId: number | undefined;
  #isOver = false;

  constructor(
    setup: Setup,
    plan: Plan,
    time: VirtualTime,
    promises: PromiseWatch,
    onEvent: ((event: WorldEvent) => void) | undefined,
  ) {
    const { pipelines, workers, journal, throughPort, throughPipeline, laws } = setup;
    const { chance } = plan;
    const after = this.#after;
    this.#setup = setup;
    this.#plan = plan;
    this.#time = time;
    this.#onEvent = onEvent;
    this.#watches = [...builtInLaws(this.#accounts, setup.apis), ...laws].map((law) => [
      law.name,
      law.watch({ pipelines, workers }),
    ]);
    // Its clock is its own: what sets the workers' does not make it keep messages for longer.
    this.#broker = new InProcessBroker({ random: seededRandom(chance), latencyMs: BROKER_LATENCY_MS, now: time.now });
    this.#journal = new SimulatedJournal(journal());
    const { emit } = this;
    this.#apis = apiNamesOf(pipelines).map((name, index) => {
      const random = seededRandom(chance + 31 * (index + 1));
      return new SimulatedApi(name, setup.apis[name] ?? {}, { emit, after, now: time.now, random });
    });
    const apiByName = new Map(this.#apis.map((api) => [api.name, api]));
    const apiOf = ({ name }: { readonly name: string }): SimulatedApi => {
      const api = apiByName.get(name);
      if (api === undefined) throw new TypeError(`api "${name}" is none of the simulation's`);
      return api;
    };
    const names = new MessageNames(pipelines);
    const shared = {
      pipelines,
      broker: this.#broker,
      names,
      journal: this.#journal,
      apiOf,
      throughPort,
      throughPipeline,
      promises,
      prepare: (message: OutgoingMessage) => this.#outside.prepare(message),
    };
    this.#workers = Array.from(
      { length: workers },
      (_, index) => new SimulatedWorker({ ...shared, emit, number: this.#number, after, chance }, index),
    );
    this.#outside = new Outside(this.#broker, pipelines, after);
    this.#breakdowns = new Breakdowns({
      broker: this.#broker,
      pipelines,
      workers: this.#workers,
      apis: this.#apis,
      journal: this.#journal,
      emit,
      after,
      jump: time.jump,
    });
  }

  begin(): void {
    const { bursts, faults } = this.#plan;
    for (const worker of this.#workers) worker.start();
    for (const [index, burst] of bursts.entries()) this.#planBurst(burst, index);
    this.#lookAtBooks();
    for (const fault of faults) this.#after(fault.at, () => this.#breakdowns.strike(fault));
    this.#after(this.#setup.safetyMs, () => {
      this.#breakdowns.heal();
      this.#drain(this.#time.now() + this.#setup.drainWithinMs);
    });
  }

  /** Time is over. */
  close(): WorldReport {
    for (const worker of this.#workers) worker.forget();
    return {
      totals: this.#tally.totals(this.#time.now()),
      unusedAnswers: this.#apis.flatMap(({ name, unusedAnswers }) => unusedAnswers.map((text) => `${name} ${text}`)),
      violation: this.#violation,
      refusal: this.#refusal,
    };
  }

  refuse(error: PromiseInVirtualTimeError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#refusal = error;
    this.#time.stop();
  }

  readonly emit = (body: WorldEventBody): void => {
    if (this.#isOver) return;
    const event: WorldEvent = { ...this.#numbered(body), at: this.#time.now() };
    this.#onEvent?.(event);
    this.#tally.see(event);
    if (event.kind === 'recorded') this.#remember(event.saga, event.sagaId, event.record);
    for (const [law, watch] of this.#watches) {
      const breach = watch.see?.(event);
      if (breach !== undefined) this.#violate(law, breach);
    }
    this.#accounts.see(event);
  };

  /** Calls are numbered by the process; the same world tells the same numbers however many there were before. */
  #numbered(body: WorldEventBody): WorldEventBody {
    if (body.kind !== 'fact' || !('callId' in body.fact)) return body;
    const { callId } = body.fact;
    this.#firstCallId ??= callId;
    return { ...body, fact: { ...body.fact, callId: callId - this.#firstCallId + 1 } };
  }

  readonly #number = (): number => ++this.#lastNumber;

  readonly #after = (ms: number, work: () => void): void => {
    this.#time.after(ms, () => {
      if (!this.#isOver) work();
    });
  };

  #violate(law: string, breach: Breach | string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { text, messageId } = typeof breach === 'string' ? { text: breach, messageId: undefined } : breach;
    this.#violation = { law, text, at: this.#time.now(), messageId };
    this.#time.stop();
  }

  #planBurst({ at, pipeline: index, count, everyMs, againAfterMs }: Burst, number: number): void {
    const pipeline = this.#setup.pipelines[index];
    if (pipeline === undefined) return;
    this.#toPublish += count;
    for (let n = 0; n < count; n++) {
      this.#after(at + n * everyMs, () => this.#publish(pipeline, `m${number}-${n}`, againAfterMs));
    }
  }

  #publish({ name: pipeline, source }: Pipeline, id: string, againAfterMs: number | undefined): void {
    const make = this.#setup.messages[pipeline];
    if (make === undefined) return;
    const n = this.#published.length;
    const body = make({ id, n, random: seededRandom(this.#plan.chance + 977 * (n + 1)) });
    const outgoing = toOutgoing(body, id, source);
    const { messageId = id } = outgoing.properties;
    this.#published.push({ pipeline, messageId, body });
    const publish = (isAgain: boolean): void =>
      this.#outside.publish(outgoing, () => {
        this.#toPublish--;
        this.emit({ kind: 'published', pipeline, messageId, isAgain });
      });
    publish(false);
    if (againAfterMs === undefined) return;
    this.#toPublish++;
    this.#after(againAfterMs, () => publish(true));
  }

  #drain(deadline: number): void {
    const left = this.#outside.unfinished() + this.#toPublish;
    if (left === 0 && this.#workers.every(({ isUp }) => isUp)) {
      for (const worker of this.#workers) worker.stop();
      this.#awaitStop(this.#time.now() + STOP_WITHIN_MS);
    } else if (this.#time.now() >= deadline) {
      const minutes = Math.round(this.#setup.drainWithinMs / 60_000);
      const text = `${left} messages are left ${minutes} minutes after everything was healed`;
      const messageId = this.#accounts.anUnfinished();
      this.#violate(DRAINS, { text, ...(messageId === undefined ? {} : { messageId }) });
    } else {
      this.#after(LOOK_EVERY_MS, () => this.#drain(deadline));
    }
  }

  #awaitStop(deadline: number): void {
    if (this.#workers.every(({ isUp }) => !isUp)) this.#after(AFTERMATH_MS, () => this.#lookAfterwards());
    else if (this.#time.now() >= deadline) this.#violate(DRAINS, 'a worker with nothing to do does not stop');
    else this.#after(LOOK_EVERY_MS, () => this.#awaitStop(deadline));
  }

  /** The broker's own alarms outlive the messages they were set for; whatever else is due then was left behind by a worker. */
  #lookAfterwards(): void {
    const alarmAt = this.#broker.model.nextExpiryAt();
    if (alarmAt !== undefined) {
      this.#after(LOOK_EVERY_MS, () => this.#lookAfterwards());
      return;
    }
    const due = this.#time.due();
    if (due > 0) this.#violate(NOTHING_LEFT, `${due} timers are due after every worker has stopped`);
    const end = this.#end();
    for (const [law, watch] of this.#watches) {
      const breach = watch.end?.(end);
      if (breach !== undefined) this.#violate(law, breach);
    }
    this.#isOver = true;
  }

  #lookAtBooks(): void {
    for (const worker of this.#workers) {
      const { ref: life } = worker;
      if (life === undefined) continue;
      for (const [pipeline, counts] of Object.entries(worker.ledgers()))
        this.emit({ kind: 'books', life, pipeline, counts });
    }
    this.#after(BOOKS_EVERY_MS, () => this.#lookAtBooks());
  }

  #remember(saga: string, sagaId: string, record: JournalRecord): void {
    const name = `${saga} ${sagaId}`;
    const known = this.#sagas.get(name) ?? { saga, sagaId, records: [] };
    known.records.push(record);
    this.#sagas.set(name, known);
  }

  #end(): SimulationEnd {
    const dead = new Map<string, number>();
    const deadLetters = this.#setup.pipelines.flatMap((pipeline) => {
      const letters = this.#outside.takeDeadLetters(pipeline);
      for (const { messageId } of letters) {
        const name = `${pipeline.name} ${messageId}`;
        dead.set(name, (dead.get(name) ?? 0) + 1);
      }
      return letters;
    });
    const messages = this.#published.map(({ pipeline, messageId, body }): EndedMessage => {
      const { published, done } = this.#accounts.of(pipeline, messageId);
      return { pipeline, messageId, body, published, done, deadLettered: dead.get(`${pipeline} ${messageId}`) ?? 0 };
    });
    return {
      messages,
      deadLetters,
      results: this.#outside.takeResults(),
      effects: this.#apis.flatMap(({ effects }) => effects).sort((one, other) => one.at - other.at),
      sagas: [...this.#sagas.values()].map((each) => ({ ...each, end: sagaState(each.records).end })),
    };
  }
}

const STOP_WITHIN_MS = 60_000;

const DRAINS = 'once everything is healed, all work drains';
const NOTHING_LEFT = 'a worker that has stopped leaves nothing behind';
