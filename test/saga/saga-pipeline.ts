/** A saga as the handle of a pipeline, in virtual time: a broker under the spec's hand, a journal in memory, one worker. */
import { asyncScheduler, of, ReplaySubject } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import type { z } from 'zod';
import { type QueueOptions, queue } from '../../src/broker/queue.ts';
import { createFacts, type Fact } from '../../src/events.ts';
import { createJournal } from '../../src/journal/create-journal.ts';
import type { JournalStore } from '../../src/journal/journal-store.ts';
import { MemoryStore } from '../../src/journal/memory-store.ts';
import { silentLogger } from '../../src/log.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { runPipeline } from '../../src/pipeline/run-pipeline.ts';
import type { SagaHandle } from '../../src/saga/saga.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';

export interface SagaPipelineOptions<Input extends z.ZodType> {
  readonly input: Input;
  readonly handle: SagaHandle<z.output<Input>, Record<never, never>, unknown>;
  readonly retry?: QueueOptions['retry'];
  readonly timeout?: `${number}s`;
  /** Default: one in memory. */
  readonly store?: JournalStore;
}

export interface SagaPipelineWorld {
  readonly broker: ScriptedBroker;
  readonly store: JournalStore;
  readonly heard: readonly Fact[];
  readonly drain: () => void;
  /** Does it at that moment, in milliseconds. */
  readonly at: (ms: number, work: () => void) => void;
  /** Kinds of the records of a saga, with their steps. */
  readonly journal: (saga: string, id: string) => readonly string[];
}

/** Runs the pipeline until nothing is left to happen. */
export function withSagaPipeline<Input extends z.ZodType>(
  { input, handle, retry = false, timeout = '60s', store = new MemoryStore() }: SagaPipelineOptions<Input>,
  body: (world: SagaPipelineWorld) => void,
): void {
  new TestScheduler(() => {}).run(({ flush }) => {
    const broker = new ScriptedBroker();
    const facts = createFacts();
    const heard: Fact[] = [];
    facts.stream.subscribe((fact) => heard.push(fact));
    const drain = new ReplaySubject<void>(1);
    const pipeline = definePipeline({ name: 'orders', source: queue('work', { retry }), input, timeout, handle });
    const run = runPipeline(pipeline, {
      broker,
      facts,
      drain,
      halt: new ReplaySubject<string>(1),
      journal: createJournal(store, { facts }),
      log: silentLogger,
      random: () => 0.5,
      topology: 'assert',
      bindApi: () => {
        throw new Error('there are no APIs');
      },
      availabilityOf: () => of({ isAvailable: true }),
    });
    run.work.subscribe();
    body({
      broker,
      store,
      heard,
      drain: () => drain.next(),
      at: (ms, work) => {
        asyncScheduler.schedule(work, ms - asyncScheduler.now());
      },
      journal: (name, id) => recordsOf(store, name, id),
    });
    flush();
  });
}

function recordsOf(store: JournalStore, name: string, id: string): readonly string[] {
  let lines: readonly string[] = [];
  store.read({ space: 'saga', name, id }).subscribe((records) => {
    lines = records.map(({ body }) => {
      const { kind, step = '' } = JSON.parse(body) as { readonly kind: string; readonly step?: string };
      return `${kind} ${step}`.trim();
    });
  });
  return lines;
}
