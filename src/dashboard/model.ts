/**
 * What the dashboard knows: made of facts alone, bounded whatever flows. Listening costs a few counters for each fact; views are built when
 * a browser asks for them, and nothing is built when nobody does.
 */
import { asyncScheduler, type Subscription } from 'rxjs';
import type { CallEnded, Delivered, Fact, FactListeners, Facts, Settled, WorkerMoved } from '../events.ts';
import { ApiState } from './api-state.ts';
import { BINS_KEPT, binOf } from './bins.ts';
import { copiedTestOf } from './copied-test/copied-test.ts';
import { EventRing } from './event-ring.ts';
import { type Journey, Journeys, keyOf } from './journeys.ts';
import { PipelineState } from './pipeline-state.ts';
import { openBody, type PayloadsShown, showBody, showHeaders } from './redact.ts';
import type { BinRow, Frame, JournalView, PipelineShape, RecentMessage, Story } from './wire.ts';

/** Where a browser is in the stream. */
export interface Cursor {
  readonly seq: number;
  /** The next bin it wants. */
  readonly bin: number;
}

const RECENT = 120;
const MAX_JOURNAL_COUNTS = 200;

export class DashboardModel {
  readonly #payloads: PayloadsShown;
  readonly #startedAt = asyncScheduler.now();
  readonly #ring = new EventRing(Math.floor(asyncScheduler.now()) * 1_000);
  #pipelines = new Map<string, PipelineState>();
  #apis = new Map<string, ApiState>();
  #journeys = new Journeys();
  #latest: { readonly second: number; readonly views: Views } | undefined;
  #worker: WorkerMoved['state'] = 'starting';
  #broker: { state: string; reason: string | undefined } = { state: 'connecting', reason: undefined };
  #journal: JournalView = { isAvailable: true, reason: undefined, counts: [] };
  /** What was there before this number is of pipelines that are no more. */
  #freshSince = this.#ring.seq;

  constructor(payloads: PayloadsShown) {
    this.#payloads = payloads;
  }

  get payloads(): PayloadsShown {
    return this.#payloads;
  }

  get shapes(): readonly PipelineShape[] {
    return [...this.#pipelines.values()].map(({ shape }) => shape);
  }

  /** From now on these pipelines run; what was known of others is forgotten. */
  show(shapes: readonly PipelineShape[]): void {
    this.#pipelines = new Map(shapes.map((shape) => [shape.name, new PipelineState(shape)]));
    const apis = new Map(shapes.flatMap((shape) => shape.apis.map((api) => [api.name, api])));
    this.#apis = new Map([...apis].map(([name, api]) => [name, new ApiState(api)]));
    this.#journeys = new Journeys();
    this.#freshSince = this.#ring.skip();
    this.#latest = undefined;
  }

  /** Listens until unsubscribed. */
  listen(facts: Facts): Subscription {
    const listening = facts.listen(this.#listeners());
    const contents = facts.contents.of((about) => this.#journeys.follows(about));
    listening.add(contents.subscribe((content) => this.#journeys.addContent(content)));
    return listening;
  }

  /** What a browser has not seen yet, and where it is then. `isWhole`: with the views; a browser without a cursor gets all that is kept. */
  frame(cursor: Cursor | undefined, isWhole: boolean): { readonly frame: Frame; readonly cursor: Cursor } {
    const at = asyncScheduler.now();
    const { seq } = this.#ring;
    const thisBin = binOf(at);
    const isFresh = cursor === undefined || cursor.seq < this.#freshSince || !this.#ring.reachesBackTo(cursor.seq);
    const from = isFresh ? thisBin - BINS_KEPT : cursor.bin;
    const frame: Frame = {
      seq,
      at,
      isFresh,
      events: this.#ring.since(isFresh ? this.#freshSince : cursor.seq),
      bins: this.#bins(from, thisBin),
      ...(isWhole || isFresh ? this.#views(at, isFresh) : {}),
    };
    return { frame, cursor: { seq, bin: thisBin } };
  }

  /** One message's story; undefined where nothing is known of it any more. */
  story(pipeline: string, messageId: string, deliveryTag: number): Story | undefined {
    const shape = this.#pipelines.get(pipeline)?.shape;
    const journey = shape === undefined ? undefined : this.#journeys.find(pipeline, messageId, deliveryTag);
    if (journey === undefined || shape === undefined) return undefined;
    const { delivered, facts, message, settled, results } = journey;
    const shown = this.#payloads;
    const { contentType, contentEncoding } = (message?.properties ?? {}) as Readonly<
      Record<string, string | undefined>
    >;
    return {
      key: keyOf(journey),
      pipeline,
      messageId,
      correlationId: delivered.correlationId,
      traceId: delivered.traceId,
      facts,
      settled,
      isPartial: journey.isPartial,
      headers: message === undefined ? [] : showHeaders(message.headers, shown),
      body:
        message === undefined
          ? undefined
          : showBody(openBody(message.body, contentType, contentEncoding), message.body.byteLength, shown),
      results: results.map(({ exchange, routingKey, body }) => ({
        exchange,
        routingKey,
        body: showBody(openBody(body, undefined), body.byteLength, shown),
      })),
      test: copiedTestOf({ journey, shape, payloads: shown }),
    };
  }

  /** Made once a second at most, whatever the number of browsers; anew for one that has just come. */
  #views(at: number, isFresh: boolean): Views {
    const second = Math.floor(at / 1_000);
    if (isFresh || this.#latest?.second !== second) this.#latest = { second, views: this.#makeViews(at) };
    return this.#latest.views;
  }

  #makeViews(at: number): Views {
    const apis = [...this.#apis.values()].map((api) => api.view(at));
    const surroundings = { broker: this.#broker, worker: this.#worker };
    return {
      worker: { state: this.#worker, broker: this.#broker, startedAt: this.#startedAt, journal: this.#journal },
      pipelines: [...this.#pipelines.values()].map((pipeline) => pipeline.view(at, apis, surroundings)),
      apis,
      recent: this.#journeys.recent(RECENT).map(recentMessage),
    };
  }

  #bins(from: number, to: number): Record<string, readonly BinRow[]> {
    const bins: Record<string, readonly BinRow[]> = {};
    for (const [name, pipeline] of this.#pipelines) {
      const rows = pipeline.rows(from, to);
      if (rows.length > 0) bins[name] = rows;
    }
    return bins;
  }

  /** Whatever else is told has no place here; of a saga its calls tell it already, those that undo are marked. */
  #listeners(): FactListeners {
    return {
      workerMoved: (fact) => {
        this.#worker = fact.state;
      },
      connectionChanged: (fact) => {
        this.#broker = { state: fact.state, reason: fact.reason };
        this.#ring.add(fact);
      },
      breakerChanged: (fact) => {
        this.#apis.get(fact.api)?.breakerChanged(fact);
        this.#ring.add(fact);
      },
      limitChanged: (fact) => this.#apis.get(fact.api)?.limitChanged(fact),
      rateLimitSharingChanged: (fact) => this.#ring.add(fact),
      intakeChanged: (fact) => {
        this.#pipelines.get(fact.pipeline)?.intakeChanged(fact);
        this.#ring.add(fact);
      },
      queuesMeasured: (fact) => {
        for (const pipeline of this.#pipelines.values()) pipeline.queuesMeasured(fact);
      },
      journalChanged: (fact) => {
        this.#journal = { ...this.#journal, isAvailable: fact.state === 'available', reason: fact.reason };
      },
      journalCounted: (fact) => {
        this.#journal = { ...this.#journal, counts: fact.counts.slice(0, MAX_JOURNAL_COUNTS) };
      },
      delivered: (fact) => this.#begin(fact),
      slotTaken: (fact) => this.#goOn(fact),
      callStarted: (fact) => {
        const pipeline = this.#pipelines.get(fact.pipeline);
        if (pipeline === undefined) return;
        pipeline.callStarted(fact);
        this.#apis.get(fact.api)?.callStarted();
        this.#goOn(fact);
      },
      callEnded: (fact) => {
        const pipeline = this.#pipelines.get(fact.pipeline);
        if (pipeline === undefined) return;
        pipeline.callEnded(fact);
        this.#apis.get(fact.api)?.callEnded(fact);
        this.#goOn(fact);
      },
      callRetried: (fact) => this.#goOn(fact),
      rateLimitWaited: (fact) => {
        const pipeline = this.#pipelines.get(fact.pipeline);
        if (pipeline === undefined) return;
        pipeline.waited(fact);
        this.#apis.get(fact.api)?.waited(fact);
        this.#goOn(fact);
      },
      cacheHit: (fact) => this.#goOn(fact),
      published: (fact) => {
        this.#pipelines.get(fact.pipeline)?.published(fact);
        this.#goOn(fact);
      },
      settled: (fact) => {
        this.#pipelines.get(fact.pipeline)?.settled(fact);
        this.#goOn(fact);
      },
      settlementDelayed: (fact) => {
        this.#pipelines.get(fact.pipeline)?.settlementDelayed(fact);
        this.#goOn(fact);
      },
      deliveryOverdue: (fact) => this.#goOn(fact),
    };
  }

  #begin(fact: Delivered): void {
    const pipeline = this.#pipelines.get(fact.pipeline);
    if (pipeline === undefined) return;
    pipeline.delivered(fact);
    const isDrawn = pipeline.drawing.drawsMessage(fact.at);
    // What went wrong before is looked for; nobody knows yet which of the others will.
    const isFollowed = pipeline.drawing.followsMessage(fact.at) || isDrawn || fact.attempt > 1 || fact.redelivered;
    if (isFollowed && this.#journeys.begin(fact, isDrawn) && isDrawn) this.#ring.add(fact);
  }

  #goOn(fact: OfMessage): void {
    const journey = this.#journeys.add(fact);
    if (journey?.isDrawn === true) this.#ring.add(fact);
    else if (fact.type === 'settled') {
      if (fact.settlement !== 'ack') this.#endBadly(fact, journey);
    } else if (journey === undefined && fact.type === 'callEnded') {
      const isFailure = fact.outcome === 'failed' || fact.outcome === 'rejected';
      if (isFailure) this.#failUnfollowed(fact);
    }
  }

  /** The end of a message that nobody followed is kept, whatever there is room to draw. */
  #endBadly(fact: Settled, journey: Journey | undefined): void {
    const pipeline = this.#pipelines.get(fact.pipeline);
    if (pipeline === undefined) return;
    if (journey === undefined) this.#journeys.keepEnd(fact);
    if (pipeline.drawing.drawsTrouble(fact.at)) this.#ring.add(fact);
  }

  /** From its first failure on a message is followed, as far as there are few. */
  #failUnfollowed(fact: CallEnded): void {
    if (this.#pipelines.get(fact.pipeline)?.drawing.followsFailure(fact.at) === true)
      this.#journeys.beginAtFailure(fact);
  }
}

/** What is told of a message after it was delivered. */
type OfMessage = Exclude<Extract<Fact, { readonly messageId: string }>, Delivered>;

type Views = Pick<Frame, 'worker' | 'pipelines' | 'apis' | 'recent'>;

function recentMessage(journey: Journey): RecentMessage {
  const { delivered, settled } = journey;
  return {
    key: keyOf(journey),
    pipeline: delivered.pipeline,
    messageId: delivered.messageId,
    at: settled?.at ?? delivered.at,
    settlement: settled?.settlement ?? 'returned',
    durationMs: settled?.durationMs ?? 0,
    code: settled?.code,
    attempt: delivered.messageAttempt,
  };
}
