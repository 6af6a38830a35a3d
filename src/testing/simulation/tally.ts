/** Counts of a world: how much was simulated, and how bad it was. */
import type { WorldEvent } from './world-event.ts';

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
  readonly faults: Readonly<Record<string, number>>;
}

const HOUR_MS = 3_600_000;

export class Tally {
  readonly #counts = new Map<string, number>();
  readonly #faults = new Map<string, number>();

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
      faults: Object.fromEntries(this.#faults),
    };
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
    faults: Object.fromEntries([...kinds].map((kind) => [kind, (one.faults[kind] ?? 0) + (other.faults[kind] ?? 0)])),
  };
}
