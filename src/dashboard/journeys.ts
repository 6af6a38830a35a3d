/**
 * Which messages are on their way, what is known of each, and the few finished ones that are kept to be asked for. Bounded by number of
 * messages, facts of each, and bytes of all content together; what is above a bound is counted, not kept.
 */
import type {
  AnswerContent,
  CallEnded,
  CallStarted,
  Content,
  Delivered,
  Fact,
  MessageContent,
  MessageIdentity,
  ResultContent,
  Settled,
} from '../events.ts';
import { ByDelivery, type OfDelivery } from './by-delivery.ts';

/** Of which delivery a journey is, and when it came in. */
export type Beginning = MessageIdentity & Pick<Delivered, 'at'>;

/** What is known of one delivery. */
export interface Journey {
  readonly delivered: Beginning;
  readonly facts: Fact[];
  readonly answers: AnswerContent[];
  readonly results: ResultContent[];
  message: MessageContent | undefined;
  settled: Settled | undefined;
  /** Whether something of it was left out. */
  isPartial: boolean;
  contentBytes: number;
  readonly isDrawn: boolean;
  /** Kept by the table of those that are on their way. */
  next: Journey | undefined;
}

const MAX_TRACKED = 4_096;
const MAX_FACTS = 400;
const MAX_CONTENT_BYTES = 256 * 1_024;
const MAX_ALL_CONTENT_BYTES = 24 * 2 ** 20;
/** Finished messages of each pipeline: those that went well, and as many of those that did not. */
const KEPT = 100;

interface Kept {
  readonly fine: Journey[];
  readonly troubled: Journey[];
}

export class Journeys {
  readonly #running = new ByDelivery<Journey>();
  readonly #kept = new Map<string, Kept>();
  #contentBytes = 0;

  /** A delivery came in. @returns whether there was room for it. */
  begin(delivered: Delivered, isDrawn: boolean): boolean {
    if (this.#running.size >= MAX_TRACKED) return false;
    this.#running.add(journeyOf(delivered, [delivered], isDrawn));
    return true;
  }

  /** An attempt failed of a delivery that was not followed so far: from here on it is, where there is room. */
  beginAtFailure(ended: CallEnded): void {
    if (this.#running.size >= MAX_TRACKED) return;
    const { pipeline, messageId, correlationId, traceId, messageAttempt, deliveryTag, api, operation } = ended;
    const started: CallStarted = {
      type: 'callStarted',
      at: ended.at - ended.durationMs,
      pipeline,
      messageId,
      correlationId,
      traceId,
      messageAttempt,
      deliveryTag,
      api,
      operation,
      callId: ended.callId,
      attempt: ended.attempt,
    };
    this.#running.add({ ...journeyOf(started, [started, ended], false), isPartial: true });
  }

  /** The bad end of a delivery that was not followed: that it came to this, and why. */
  keepEnd(settled: Settled): void {
    const delivered = { ...settled, at: settled.at - settled.durationMs };
    const journey = { ...journeyOf(delivered, [settled], false), settled, isPartial: true };
    this.#keep(journey, this.#of(settled.pipeline).troubled);
  }

  /** Adds what happened to the journey it happened to, where that is tracked. */
  add(fact: Extract<Fact, { readonly messageId: string }>): Journey | undefined {
    const journey = this.#running.find(fact);
    if (journey === undefined) return undefined;
    if (journey.facts.length < MAX_FACTS || fact.type === 'settled') journey.facts.push(fact);
    else journey.isPartial = true;
    if (fact.type === 'settled') this.#finish(journey, fact);
    return journey;
  }

  /** Whether anything more of this message is kept. */
  follows(about: OfDelivery): boolean {
    return this.#running.find(about) !== undefined;
  }

  addContent(content: Content): void {
    const journey = this.#running.find(content);
    if (journey === undefined) return;
    const bytes = content.body.byteLength;
    if (journey.contentBytes + bytes > MAX_CONTENT_BYTES || this.#contentBytes + bytes > MAX_ALL_CONTENT_BYTES) {
      journey.isPartial = true;
      return;
    }
    journey.contentBytes += bytes;
    this.#contentBytes += bytes;
    if (content.type === 'message') journey.message = content;
    else if (content.type === 'result') journey.results.push(content);
    else journey.answers.push(content);
  }

  /** The latest finished first, those that failed among them. Of several with one key the latest alone, as `find` has it. */
  recent(max: number): Journey[] {
    const finished = [...this.#kept.values()]
      .flatMap(({ fine, troubled }) => [...fine, ...troubled])
      .sort((one, other) => (one.settled?.at ?? 0) - (other.settled?.at ?? 0));
    // Channels count their deliveries from 1: after a lost connection a message comes again, and may have the tag that it had.
    const latest = new Map<string, Journey>();
    // Keys are made of those that are shown alone: with many pipelines thousands are kept.
    for (const journey of finished.reverse()) {
      if (latest.size === max) break;
      const key = keyOf(journey);
      if (!latest.has(key)) latest.set(key, journey);
    }
    return [...latest.values()];
  }

  /** One that is kept or on its way; the latest where several fit. */
  find(pipeline: string, messageId: string, deliveryTag: number): Journey | undefined {
    const { fine, troubled } = this.#of(pipeline);
    return [...fine, ...troubled, ...this.#running]
      .filter(({ delivered }) => delivered.messageId === messageId && isOf(delivered, pipeline, deliveryTag))
      .sort((one, other) => other.delivered.at - one.delivered.at)[0];
  }

  #finish(journey: Journey, settled: Settled): void {
    journey.settled = settled;
    this.#running.remove(journey);
    const { fine, troubled } = this.#of(settled.pipeline);
    if (settled.settlement !== 'ack') this.#keep(journey, troubled);
    else if (journey.isDrawn) this.#keep(journey, fine);
    else this.#forget(journey);
  }

  #of(pipeline: string): Kept {
    const known = this.#kept.get(pipeline) ?? { fine: [], troubled: [] };
    this.#kept.set(pipeline, known);
    return known;
  }

  #keep(journey: Journey, kept: Journey[]): void {
    kept.push(journey);
    const oldest = kept.length > KEPT ? kept.shift() : undefined;
    if (oldest !== undefined) this.#forget(oldest);
  }

  #forget(journey: Journey): void {
    this.#contentBytes -= journey.contentBytes;
  }
}

/** By which a browser asks for a journey. */
export const keyOf = ({ delivered: { pipeline, messageId, deliveryTag } }: Journey): string =>
  JSON.stringify([pipeline, messageId, deliveryTag]);

const journeyOf = (delivered: Beginning, facts: Fact[], isDrawn: boolean): Journey => ({
  delivered,
  facts,
  answers: [],
  results: [],
  message: undefined,
  settled: undefined,
  isPartial: false,
  contentBytes: 0,
  isDrawn,
  next: undefined,
});

const isOf = (delivered: Beginning, pipeline: string, deliveryTag: number): boolean =>
  delivered.deliveryTag === deliveryTag && delivered.pipeline === pipeline;
