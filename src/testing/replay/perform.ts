/** Stories performed again: their messages through the pipelines of today, in virtual time, and what comes of it as a recording of its own. */
import { createMemoryJournal } from '../../journal/memory-journal.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import type { RecordedDelivery, RecordedEvent } from '../../recording/recording.ts';
import { EVERYTHING } from '../../recording/redaction.ts';
import { BoundedScheduler, EndlessTimeError } from '../pipelines/bounded-scheduler.ts';
import { FakeClock } from '../pipelines/fake-clock.ts';
import { type Message, message } from '../pipelines/messages.ts';
import { PromiseInVirtualTimeError, PromiseWatch } from '../pipelines/promise-watch.ts';
import { Rehearsal } from '../pipelines/rehearsal.ts';
import { seededRandom } from '../virtual/seeded-random.ts';
import { Lineage } from './lineage.ts';
import { Playback } from './playback.ts';
import type { Story } from './story.ts';

export interface Performance {
  readonly events: readonly RecordedEvent[];
  /** The messages as they were delivered, in order; those that came of others are not among them. */
  readonly messages: readonly PlayedMessage[];
  /** Calls the recording has no answer for. */
  readonly unanswered: readonly string[];
  /** Whether a handle waits for promises, so that its spec has to be written with `advancing`. */
  readonly isAsync: boolean;
}

export interface PlayedMessage {
  readonly frame: number;
  readonly pipeline: string;
  readonly message: Message;
}

export interface Staging {
  readonly pipelines: readonly Pipeline[];
  /** Those whose messages come. */
  readonly stories: readonly Story[];
  /** All the recording has: what their results cause is answered, whether or not it is among them. */
  readonly told: readonly Story[];
  /**
   * Whether a message that comes of another is what its pipeline makes of the recording; else it is what was recorded of it, as long as that
   * pipeline publishes what it did.
   */
  readonly isPure: boolean;
  /** Moments of deliveries and times of answers are rounded up to multiples of this, in milliseconds. */
  readonly gridMs: number;
}

/** How long virtual time may go on. */
const WITHIN_MS = 7 * 24 * 3_600_000;

/** Again where it turns out that messages do not come by themselves. */
export async function perform(staging: Staging): Promise<Performance> {
  const lineage = new Lineage(staging.stories, staging.pipelines);
  for (;;) {
    const performance = await performOnce({ ...staging, lineage });
    if (!lineage.learnFrom(performance.events)) return performance;
  }
}

interface Setting extends Staging {
  readonly lineage: Lineage;
}

/** In virtual time where no handle waits for promises, else by a clock in place of the machine's. */
async function performOnce(setting: Setting): Promise<Performance> {
  try {
    return inVirtualTime(setting);
  } catch (error) {
    if (!(error instanceof PromiseInVirtualTimeError)) throw error;
    return byClock(setting);
  }
}

function inVirtualTime(staging: Setting): Performance {
  const scheduler = new BoundedScheduler(WITHIN_MS);
  const watch = new PromiseWatch((error) => scheduler.stopWith(error));
  const play = (): Performance => {
    const stage = new Stage({ ...staging, pipelines: staging.pipelines.map((one) => watch.watchHandle(one)) }, watch);
    scheduler.runToEnd();
    stage.stop();
    scheduler.runToEnd();
    return { ...stage.seen, isAsync: false };
  };
  return watch.during(() => scheduler.run(play));
}

async function byClock(staging: Setting): Promise<Performance> {
  const clock = new FakeClock();
  const handBack = clock.install();
  const runToEnd = async (): Promise<void> => {
    await clock.runUntil(clock.now);
    for (let { next } = clock; next !== undefined; { next } = clock) {
      if (next.at > WITHIN_MS)
        throw new EndlessTimeError(
          `time went past ${WITHIN_MS} ms, and something is still due, by a timer set ${next.setAt}`,
        );
      await clock.runUntil(next.at);
    }
  };
  try {
    const stage = new Stage(staging);
    await runToEnd();
    stage.stop();
    await runToEnd();
    return { ...stage.seen, isAsync: true };
  } finally {
    handBack();
  }
}

type Named = Pick<Story, 'pipeline' | 'messageId'>;

const keyOf = ({ pipeline, messageId }: Named): string => JSON.stringify([pipeline, messageId]);

/** Has to be made where the clock of RxJS is a test's own, from 0 on. */
class Stage {
  readonly #rehearsal: Rehearsal;
  readonly #events: RecordedEvent[] = [];
  readonly #messages: PlayedMessage[] = [];
  readonly #playback: Playback;
  /** Whom something happened to last. */
  #latest: Named | undefined;
  readonly #calls = new Map<number, Named>();
  #draws: Map<string, number[]> | undefined;
  readonly #otherDraws = seededRandom(1);
  #isOver = false;

  constructor({ pipelines, stories, told, lineage, isPure, gridMs }: Setting, watch?: PromiseWatch) {
    const roundUp = (ms: number): number => Math.ceil(ms / gridMs) * gridMs;
    const journal = createMemoryJournal();
    this.#playback = new Playback(told, roundUp);
    this.#rehearsal = new Rehearsal({
      pipelines,
      journal: () => watch?.watchJournal(journal) ?? journal,
      random: () => this.#draw(told),
      answering: this.#playback.transport,
      receiving: (delivery) => lineage.asThen(delivery, isPure),
      recording: { rules: EVERYTHING, write: (event) => this.#note(event) },
    });
    const deliveries = stories.flatMap((story) => lineage.deliveriesOf(story)).sort((one, other) => one.at - other.at);
    const beginsAt = deliveries[0]?.at ?? 0;
    for (const delivery of deliveries) {
      const pipeline = pipelines.find(({ name }) => name === delivery.pipeline);
      if (pipeline === undefined) continue;
      const frame = roundUp(delivery.at - beginsAt);
      const played = messageOf(delivery, frame);
      this.#messages.push({ frame, pipeline: pipeline.name, message: played });
      this.#rehearsal.deliver(played, delivery.messageId, pipeline.source, frame);
    }
  }

  #note(event: RecordedEvent): void {
    if (this.#isOver) return;
    this.#events.push(event);
    if (event.kind === 'delivered') this.#latest = event;
    else if (event.kind === 'called') this.#calls.set(event.call, event);
    else if (event.kind === 'answered' || event.kind === 'failed' || event.kind === 'givenUp')
      this.#latest = this.#calls.get(event.call);
  }

  /** The number that was drawn for this message then. */
  #draw(stories: readonly Story[]): number {
    this.#draws ??= new Map(stories.map((story) => [keyOf(story), [...story.draws]]));
    const own = this.#latest === undefined ? undefined : this.#draws.get(keyOf(this.#latest));
    return own?.shift() ?? this.#otherDraws();
  }

  /** What comes after is the stage's own doing. */
  stop(): void {
    this.#isOver = true;
    this.#rehearsal.close();
    this.#rehearsal.worker.stop();
  }

  /** @throws Error where the worker did not start, or ended by itself: what it did not do says nothing then. */
  get seen(): Omit<Performance, 'isAsync'> {
    if (this.#rehearsal.failure !== undefined) throw new Error(this.#rehearsal.failure);
    return { events: this.#events, messages: this.#messages, unanswered: this.#playback.unanswered };
  }
}

/** A body that could not be read then cannot be read now. */
const UNREADABLE = Buffer.from('{"not recorded');

function messageOf({ body, messageId, attempt, properties, leftMs }: RecordedDelivery, frame: number): Message {
  const { contentType, ...rest } = properties;
  const isText = contentType?.startsWith('text/') === true && typeof body === 'string';
  const isJson = contentType === undefined || /json/i.test(contentType);
  return message(body === undefined ? UNREADABLE : isText ? Buffer.from(body) : body, {
    messageId,
    ...(rest.correlationId === messageId ? {} : { correlationId: rest.correlationId }),
    ...(rest.replyTo === undefined ? {} : { replyTo: rest.replyTo }),
    ...(rest.priority === undefined ? {} : { priority: rest.priority }),
    ...(isJson || contentType === undefined ? {} : { contentType }),
    ...(attempt === 1 ? {} : { attempt }),
    ...(leftMs === undefined ? {} : { deadline: Math.ceil(frame + leftMs) }),
  });
}
