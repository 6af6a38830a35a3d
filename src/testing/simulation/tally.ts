/** Counts of a world: how much was simulated, and how bad it was. */
import type { EventOf, LifeRef, WorldEvent } from './world-event.ts';

export interface Totals {
  readonly virtualHours: number;
  readonly messages: number;
  readonly deliveries: number;
  /** Of these, not for the first time. */
  readonly redeliveries: number;
  readonly calls: number;
  readonly effects: number;
  readonly results: number;
  readonly retries: number;
  readonly deadLetters: number;
  readonly sagasCompleted: number;
  readonly sagasCompensated: number;
  readonly crashes: number;
  readonly pauses: number;
  /** Sagas that a worker went on with while the one that ran them was paused. */
  readonly takeovers: number;
  /** Words to the journal that were refused, since another worker had taken the entry over. */
  readonly fenced: number;
  readonly faults: Readonly<Record<string, number>>;
}

const HOUR_MS = 3_600_000;

export class Tally {
  readonly #counts = new Map<string, number>();
  readonly #faults = new Map<string, number>();
  readonly #paused = new Set<LifeRef>();
  readonly #writers = new Map<string, LifeRef>();

  see(event: WorldEvent): void {
    switch (event.kind) {
      case 'fault':
        this.#faults.set(event.fault, (this.#faults.get(event.fault) ?? 0) + 1);
        break;
      case 'confirmed':
        this.#count(event.what);
        break;
      case 'recorded':
        this.#count(event.record.kind);
        this.#wrote(event);
        break;
      case 'lifePaused':
        this.#paused.add(event.life);
        this.#count(event.kind);
        break;
      case 'lifeWoke':
        this.#paused.delete(event.life);
        break;
      case 'fact':
        if (event.fact.type === 'delivered' && event.fact.redelivered) this.#count('redelivered');
        break;
      default:
        this.#count(event.kind);
    }
  }

  totals(nowMs: number): Totals {
    const of = (name: string): number => this.#counts.get(name) ?? 0;
    return {
      virtualHours: nowMs / HOUR_MS,
      messages: of('published'),
      deliveries: of('delivered'),
      redeliveries: of('redelivered'),
      calls: of('called'),
      effects: of('effect'),
      results: of('result'),
      retries: of('retry'),
      deadLetters: of('deadLetter'),
      sagasCompleted: of('completed'),
      sagasCompensated: of('undone'),
      crashes: of('lifeCrashed'),
      pauses: of('lifePaused'),
      takeovers: of('takenOver'),
      fenced: of('fenced'),
      faults: Object.fromEntries(this.#faults),
    };
  }

  #wrote({ life, saga, sagaId }: EventOf<'recorded'>): void {
    const name = `${saga} ${sagaId}`;
    const before = this.#writers.get(name);
    if (before !== undefined && before !== life && this.#paused.has(before)) this.#count('takenOver');
    this.#writers.set(name, life);
  }

  #count(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }
}

/** The sum of what several worlds counted. */
export function addTotals(one: Totals, other: Totals): Totals {
  const sum = (name: Exclude<keyof Totals, 'faults'>): number => one[name] + other[name];
  const kinds = new Set([...Object.keys(one.faults), ...Object.keys(other.faults)]);
  return {
    virtualHours: sum('virtualHours'),
    messages: sum('messages'),
    deliveries: sum('deliveries'),
    redeliveries: sum('redeliveries'),
    calls: sum('calls'),
    effects: sum('effects'),
    results: sum('results'),
    retries: sum('retries'),
    deadLetters: sum('deadLetters'),
    sagasCompleted: sum('sagasCompleted'),
    sagasCompensated: sum('sagasCompensated'),
    crashes: sum('crashes'),
    pauses: sum('pauses'),
    takeovers: sum('takeovers'),
    fenced: sum('fenced'),
    faults: Object.fromEntries([...kinds].map((kind) => [kind, (one.faults[kind] ?? 0) + (other.faults[kind] ?? 0)])),
  };
}
