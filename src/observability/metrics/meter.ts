/**
 * The instruments of a registry of prom-client. What facts count is plain numbers, and handed to prom-client when somebody asks: counting
 * with it costs several times as much, for every message.
 */
import type { Registry } from 'prom-client';
import { Children } from './children.ts';
import { BOUNDS, Count, Level, Times } from './counts.ts';

export type PromClient = Pick<typeof import('prom-client'), 'Counter' | 'Gauge' | 'Histogram' | 'Registry'>;

/** What is counted for these label values, in the order of the names. */
export type Kept<Child> = (...values: readonly string[]) => Child;

export interface Instrument {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

/** What the gauges of several worker processes come to, taken together. */
export type Together = 'sum' | 'min' | 'max';

export interface Gauge extends Instrument {
  /** Default: sum. */
  readonly together?: Together;
}

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

  counter({ name, help, labels = [] }: Instrument): Kept<Count> {
    this.#instruments.push({ name, help, labels, type: 'counter' });
    const children = new Children(() => new Count());
    new this.#client.Counter({
      name,
      help,
      labelNames: labels,
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const { values, child } of children.all()) this.labels(...values).inc(child.value);
      },
    });
    return (...values) => children.of(values);
  }

  gauge({ name, help, labels = [], together = 'sum' }: Gauge): Kept<Level> {
    this.#instruments.push({ name, help, labels, type: 'gauge' });
    const children = new Children(() => new Level());
    new this.#client.Gauge({
      name,
      help,
      aggregator: together,
      labelNames: labels,
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const { values, child } of children.all()) this.labels(...values).set(child.value);
      },
    });
    return (...values) => children.of(values);
  }

  /** Asked at each scrape; `read` gives label values and the value: of what is configured, which bounds them. */
  reading(
    { name, help, labels = [], together = 'sum' }: Gauge,
    read: () => Iterable<readonly [readonly string[], number]>,
  ): void {
    this.#instruments.push({ name, help, labels, type: 'gauge' });
    new this.#client.Gauge({
      name,
      help,
      aggregator: together,
      labelNames: labels,
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [values, value] of read()) this.labels(...values).set(value);
      },
    });
  }

  seconds({ name, help, labels = [] }: Instrument): Kept<Times> {
    this.#instruments.push({ name, help, labels, type: 'histogram' });
    const children = new Children(() => new Times());
    const description = { name, help, labelNames: labels, registers: [] };
    // Of prom-client's histograms nothing but what it takes to describe one: they cannot be handed counts.
    const blank = new this.#client.Histogram(description);
    class Counted extends this.#client.Histogram {
      override async get() {
        return { ...(await blank.get()), values: [...samplesOf(name, labels, children)] };
      }

      /** What the registry asks for instead, where a metric has it. */
      getForPromString() {
        return this.get();
      }
    }
    this.#registry.registerMetric(new Counted(description));
    return (...values) => children.of(values);
  }
}

function* samplesOf(name: string, names: readonly string[], children: Children<Times>) {
  for (const { values, child } of children.all()) {
    const labels = Object.fromEntries(names.map((label, n) => [label, values[n] ?? '']));
    let count = 0;
    let bound = 0;
    for (count of child.cumulative())
      yield { metricName: `${name}_bucket`, labels: { le: BOUNDS[bound++] ?? '+Inf', ...labels }, value: count };
    yield { metricName: `${name}_sum`, labels, value: child.sumSeconds };
    yield { metricName: `${name}_count`, labels, value: count };
  }
}
