/** A test of pipelines whichever clock it runs by: its rehearsal, what it expects, and what must hold at its end. */

import { asyncScheduler } from 'rxjs';
import type { Facts } from '../../events.ts';
import type { Journal } from '../../journal/journal.ts';
import { createMemoryJournal } from '../../journal/memory-journal.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import type { Random } from '../../policies/random.ts';
import { Checks } from '../marble-checks.ts';
import { hints, type Promises, problemsAtEnd, problemsAtRest } from './final-checks.ts';
import { createPipelineKit, type PipelineKit } from './pipeline-kit.ts';
import { Rehearsal } from './rehearsal.ts';

export interface PipelineTestParts {
  readonly pipelines: readonly Pipeline[];
  readonly random: Random;
  readonly promises: Promises;
  /** Of the one in memory. Default: the same. */
  readonly watchJournal?: (journal: Journal) => Journal;
}

export class PipelineTest<Names extends string> {
  readonly checks = new Checks();
  readonly kit: PipelineKit<Names>;
  readonly #rehearsal: Rehearsal;
  readonly #promises: Promises;
  #plannedFrame = 0;
  #problems: string[] = [];

  /** Starts the worker. */
  constructor({ pipelines, random, promises, watchJournal = (journal) => journal }: PipelineTestParts) {
    this.#promises = promises;
    const journal = (facts: Facts): Journal => watchJournal(createMemoryJournal({ facts }));
    this.#rehearsal = new Rehearsal({ pipelines, journal, random });
    this.kit = createPipelineKit(this.#rehearsal, this.checks, (frame) => {
      this.#plannedFrame = Math.max(this.#plannedFrame, frame);
    });
  }

  /** Once all is done that is planned, a broker that is unreachable may be so for good: nobody dials it for ever. */
  comeToRest(): void {
    this.#rehearsal.at(Math.max(this.#plannedFrame, asyncScheduler.now()), () => {
      this.#rehearsal.broker.restWhileUnreachable();
    });
  }

  /** Nothing is due any more. `otherFrame`: when something the rehearsal does not know of last happened. */
  rest(now: number, otherFrame = 0): void {
    const quietSince = Math.max(this.#plannedFrame, this.#rehearsal.lastFrame, otherFrame);
    this.#problems.push(...problemsAtRest(this.#rehearsal, { now, quietSince, promises: this.#promises }));
  }

  /** From here on nothing is written down; the worker drains. */
  stop(): void {
    this.#rehearsal.close();
    this.#rehearsal.worker.stop();
  }

  /** The worker had the time to stop. */
  end(): void {
    this.#problems.push(...problemsAtEnd(this.#rehearsal));
  }

  /** @throws AssertionError with all that is wrong so far. */
  verify(): void {
    const { failure } = this.#rehearsal;
    const problems = [...(failure === undefined ? [] : [failure]), ...this.#problems];
    this.#problems = [];
    this.checks.verify(problems, hints(this.#rehearsal, this.#promises));
  }
}
