/**
 * The instruments of a registry of prom-client, with their children kept: naming labels costs more than counting. Every instrument has a
 * bound on its label values, so that a mistake somewhere else cannot fill a Prometheus.
 */
import type { Counter, Gauge, Histogram, Registry } from 'prom-client';

export type PromClient = Pick<
  typeof import('prom-client'),
  'Counter' | 'Gauge' | 'Histogram' | 'Registry' | 'collectDefaultMetrics'
>;

/** Combinations of label values an instrument has at most; what comes after them is counted as `other`. */
export const MAX_CHILDREN = 500;

const OTHER = 'other';

/** The child for these label values, in the order of the names. */
export type Kept<Child> = (...values: readonly string[]) => Child;

export interface Instrument {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

/** Seconds: from what a local cache takes to what nobody waits for. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export interface Description extends Required<Instrument> {
  readonly type: 'counter' | 'gauge' | 'histogram';
}

export class Meter {
  readonly #client: PromClient;
  readonly #registry: Registry;
  readonly #instruments: Description[] = [];

  constructor(client: PromClient, registry: Registry) {
    this.#client = client;
    this.#registry = registry;
  }

  /** What was made so far, in that order. */
  get instruments(): readonly Description[] {
    return this.#instruments;
  }

  counter({ name, help, labels = [] }: Instrument): Kept<Counter.Internal> {
    this.#instruments.push({ name, help, labels, type: 'counter' });
    const counter = new this.#client.Counter({ name, help, labelNames: labels, registers: [this.#registry] });
    return kept(labels.length, (values) => counter.labels(...values));
  }

  gauge({ name, help, labels = [] }: Instrument): Kept<Gauge.Internal<string>> {
    this.#instruments.push({ name, help, labels, type: 'gauge' });
    const gauge = new this.#client.Gauge({ name, help, labelNames: labels, registers: [this.#registry] });
    return kept(labels.length, (values) => gauge.labels(...values));
  }

  /** Asked at each scrape; `read` gives label values and the value. */
  reading({ name, help, labels = [] }: Instrument, read: () => Iterable<readonly [readonly string[], number]>): void {
    this.#instruments.push({ name, help, labels, type: 'gauge' });
    new this.#client.Gauge({
      name,
      help,
      labelNames: labels,
      registers: [this.#registry],
      collect() {
        this.reset();
        let left = MAX_CHILDREN;
        for (const [values, value] of read()) if (left-- > 0) this.labels(...values).set(value);
      },
    });
  }

  seconds({ name, help, labels = [] }: Instrument): Kept<Histogram.Internal<string>> {
    this.#instruments.push({ name, help, labels, type: 'histogram' });
    const histogram = new this.#client.Histogram({
      name,
      help,
      labelNames: labels,
      buckets: SECONDS,
      registers: [this.#registry],
    });
    return kept(labels.length, (values) => histogram.labels(...values));
  }
}

function kept<Child>(labels: number, make: (values: readonly string[]) => Child): Kept<Child> {
  const children = new Map<string, Child>();
  return (...values) => {
    const key = values.length === 1 ? (values[0] ?? '') : values.join('\u0000');
    const known = children.get(key);
    if (known !== undefined) return known;
    const isFull = children.size >= MAX_CHILDREN;
    const named = isFull ? new Array<string>(labels).fill(OTHER) : values;
    const child = children.get(named.join('\u0000')) ?? make(named);
    children.set(named.join('\u0000'), child);
    return child;
  };
}
