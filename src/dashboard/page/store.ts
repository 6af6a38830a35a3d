/** What the page knows: the frames of the stream put together, for as long back as can be scrolled. */
import { useLayoutEffect, useState } from 'preact/hooks';
import type { BreakerChanged, ConnectionChanged, IntakeChanged } from '../../events.ts';
import type { ApiView, Frame, PipelineView, RecentMessage, ReplayUnderWay, WorkerView } from '../wire.ts';
import { connect, type Line } from './connection.ts';
import { Groups, KEPT_MS } from './journey-groups.ts';

export type SurroundingFact = BreakerChanged | IntakeChanged | ConnectionChanged;

const BIN_MS = 100;
/** How far the drawing is behind the worker, so that what is drawn has arrived. */
const LAG_MS = 450;
const MAX_SURROUNDINGS = 800;

export class Store {
  line: Line = { state: 'connecting' };
  worker: WorkerView | undefined;
  pipelines: readonly PipelineView[] = [];
  apis: readonly ApiView[] = [];
  recent: readonly RecentMessage[] = [];
  replay: ReplayUnderWay | undefined;
  surroundings: SurroundingFact[] = [];
  readonly groups = new Groups();
  readonly #bins = new Map<string, Map<number, readonly number[]>>();
  readonly #listeners = new Set<() => void>();
  #offset: number | undefined;
  #frozenAt: number | undefined;
  #again: () => void = () => undefined;

  start(): void {
    this.#again = connect({
      onFrame: (frame) => this.#take(frame),
      onLine: (line) => this.#turn(line),
    }).again;
  }

  reconnect(): void {
    this.#again();
  }

  /** The worker's clock as it is drawn; it stands still while the worker is not there. */
  now(): number {
    if (this.#frozenAt !== undefined) return this.#frozenAt;
    return this.#offset === undefined ? Date.now() : performance.now() + this.#offset - LAG_MS;
  }

  /** Rows of a pipeline by bin number, `from` included, `to` not. */
  *bins(pipeline: string, from: number, to: number): Generator<readonly [at: number, values: readonly number[]]> {
    const rows = this.#bins.get(pipeline);
    if (rows === undefined) return;
    for (let bin = Math.floor(from / BIN_MS); bin * BIN_MS < to; bin++) {
      const values = rows.get(bin);
      if (values !== undefined) yield [bin * BIN_MS, values];
    }
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #take(frame: Frame): void {
    const offset = frame.at - performance.now();
    const known = this.#offset;
    // Frames come late, never early: the clock follows the earliest of them, slowly, so that time does not jump.
    this.#offset =
      known === undefined || Math.abs(offset - known) > 1_000
        ? offset
        : known + (offset - known) * (offset > known ? 0.5 : 0.02);
    if (frame.isFresh) {
      this.groups.clear();
      this.#bins.clear();
      this.surroundings = [];
    }
    for (const drawn of frame.events) {
      this.groups.add(drawn);
      const { fact } = drawn;
      if (fact.type === 'breakerChanged' || fact.type === 'intakeChanged' || fact.type === 'connectionChanged')
        this.surroundings.push(fact);
    }
    if (this.surroundings.length > MAX_SURROUNDINGS) this.surroundings = this.surroundings.slice(-MAX_SURROUNDINGS);
    for (const [pipeline, rows] of Object.entries(frame.bins)) {
      const bins = this.#bins.get(pipeline) ?? new Map<number, readonly number[]>();
      this.#bins.set(pipeline, bins);
      for (const { bin, values } of rows) bins.set(bin, values);
    }
    if (frame.worker !== undefined) {
      this.#prune(frame.at);
      this.replay = frame.replay;
    }
    this.worker = frame.worker ?? this.worker;
    this.pipelines = frame.pipelines ?? this.pipelines;
    this.apis = frame.apis ?? this.apis;
    this.recent = frame.recent ?? this.recent;
    this.#tell();
  }

  #prune(now: number): void {
    this.groups.prune(now);
    const oldest = Math.floor((now - KEPT_MS) / BIN_MS);
    for (const bins of this.#bins.values())
      for (const bin of bins.keys()) {
        if (bin >= oldest) break;
        bins.delete(bin);
      }
  }

  #turn(line: Line): void {
    if (line.state === 'lost') this.#frozenAt ??= this.now();
    else this.#frozenAt = undefined;
    const isNews = line.state !== this.line.state;
    this.line = line;
    if (isNews) this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

export const store = new Store();

/** Renders again with each frame. */
export function useStore(): Store {
  const [, turn] = useState(0);
  // Before anything else can come in: what is told between the first picture and the effect would be missed.
  useLayoutEffect(() => store.subscribe(() => turn((n) => n + 1)), []);
  return store;
}
