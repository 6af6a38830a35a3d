/**
 * What the dashboard knows of several workers: made of the frames their own models give, in which load is counted and thinned out already,
 * so that it costs the same for any load.
 */
import { asyncScheduler } from 'rxjs';
import type { Fact } from '../events.ts';
import { BINS_KEPT, binOf } from './bins.ts';
import type { DashboardView } from './dashboard-routes.ts';
import { EventRing } from './event-ring.ts';
import { FleetBins } from './fleet-bins.ts';
import { type Views, viewsTogether } from './fleet-views.ts';
import type { Cursor } from './model.ts';
import type { PayloadsShown } from './redact.ts';
import type { Frame, PipelineShape, RecentMessage, Story } from './wire.ts';

export interface FleetModelOptions {
  readonly payloads: PayloadsShown;
  readonly shapes: readonly PipelineShape[];
  /** Asks the worker that had the message. */
  readonly story: (
    worker: number,
    pipeline: string,
    messageId: string,
    deliveryTag: number,
  ) => Promise<Story | undefined>;
}

/** Views of a worker, and the messages it would tell about. */
interface Known extends Views {
  readonly recent: readonly RecentMessage[];
}

const RECENT = 120;
/** What a worker did a moment ago may come in after a browser was told of that moment: it is told of it again. */
const LATE_BINS = 10;

export class FleetModel implements DashboardView {
  readonly payloads: PayloadsShown;
  readonly shapes: readonly PipelineShape[];
  readonly #startedAt = asyncScheduler.now();
  readonly #askStory: FleetModelOptions['story'];
  readonly #ring = new EventRing(Math.floor(asyncScheduler.now()) * 1_000);
  readonly #bins: ReadonlyMap<string, FleetBins>;
  readonly #known = new Map<number, Known>();

  constructor({ payloads, shapes, story }: FleetModelOptions) {
    this.payloads = payloads;
    this.shapes = shapes;
    this.#askStory = story;
    this.#bins = new Map(shapes.map(({ name, apis }) => [name, new FleetBins(apis.length)]));
  }

  /** What a worker has to tell. Numbers begin with 1. */
  take(worker: number, { events, bins, worker: view, pipelines, apis, recent }: Frame): void {
    for (const { fact } of events) this.#ring.add(tagged(fact, worker));
    for (const [pipeline, rows] of Object.entries(bins)) this.#bins.get(pipeline)?.take(worker, rows);
    if (view === undefined || pipelines === undefined || apis === undefined) return;
    this.#known.set(worker, {
      worker: view,
      pipelines,
      apis,
      recent: (recent ?? []).map((message) => ({ ...message, key: taggedKey(message.key, worker) })),
    });
  }

  /** The worker has ended. */
  forget(worker: number): void {
    this.#known.delete(worker);
    const bin = binOf(asyncScheduler.now());
    for (const bins of this.#bins.values()) bins.forget(worker, bin);
  }

  frame(cursor: Cursor | undefined, isWhole: boolean): { readonly frame: Frame; readonly cursor: Cursor } {
    const at = asyncScheduler.now();
    const { seq } = this.#ring;
    const thisBin = binOf(at);
    const isFresh = cursor === undefined || !this.#ring.reachesBackTo(cursor.seq);
    const from = isFresh ? thisBin - BINS_KEPT : cursor.bin;
    const bins: Record<string, Frame['bins'][string]> = {};
    for (const [name, pipeline] of this.#bins) {
      const rows = pipeline.rows(from, thisBin);
      if (rows.length > 0) bins[name] = rows;
    }
    const events = isFresh ? this.#ring.since(0) : this.#ring.since(cursor.seq);
    const frame: Frame = { seq, at, isFresh, events, bins, ...(isWhole || isFresh ? this.#views() : {}) };
    return { frame, cursor: { seq, bin: Math.max(from, thisBin - LATE_BINS) } };
  }

  async story(pipeline: string, messageId: string, deliveryTag: number): Promise<Story | undefined> {
    const { worker, tag } = untagged(deliveryTag);
    const story = await this.#askStory(worker, pipeline, messageId, tag);
    if (story === undefined) return undefined;
    const { settled, facts } = story;
    return {
      ...story,
      key: taggedKey(story.key, worker),
      facts: facts.map((fact) => tagged(fact, worker)),
      settled: settled === undefined ? undefined : tagged(settled, worker),
    };
  }

  #views(): Pick<Frame, 'worker' | 'pipelines' | 'apis' | 'recent'> {
    const all = [...this.#known.values()];
    // None yet, or none any more: what a worker says at its very start.
    if (all.length === 0)
      return {
        worker: {
          state: 'starting',
          broker: { state: 'connecting', reason: undefined },
          startedAt: this.#startedAt,
          journal: { isAvailable: true, reason: undefined, counts: [] },
        },
        pipelines: [],
        apis: [],
        recent: [],
      };
    const recent = all
      .flatMap((views) => views.recent)
      .sort((one, other) => other.at - one.at)
      .slice(0, RECENT);
    return { ...viewsTogether(all), recent };
  }
}

/** Tags of deliveries are counted by each worker for itself; with its number in them they are those of one delivery again. */
const TAGS = 2 ** 40;

const untagged = (tag: number): { worker: number; tag: number } => ({
  worker: Math.floor(tag / TAGS),
  tag: tag % TAGS,
});

const tagged = <F extends Fact>(fact: F, worker: number): F =>
  'deliveryTag' in fact && fact.deliveryTag !== undefined
    ? { ...fact, deliveryTag: worker * TAGS + fact.deliveryTag }
    : fact;

function taggedKey(key: string, worker: number): string {
  const [pipeline, messageId, tag] = JSON.parse(key) as [string, string, number];
  return JSON.stringify([pipeline, messageId, worker * TAGS + tag]);
}
