/**
 * Finds the promise a stream waits for in virtual time, where it would wait for ever. RxJS asks a promise by its `then`; while a test runs,
 * which is one synchronous stretch, that method tells who asked.
 */
import { asyncScheduler, map, type ObservableInput, tap } from 'rxjs';
import type { Journal, JournalRecord, OpenJournal } from '../../journal/journal.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';

/** Somebody waits for a promise, where promises do not settle. */
export class PromiseInVirtualTimeError extends TypeError {
  override readonly name = 'PromiseInVirtualTimeError';
  readonly code = 'ERR_PROMISE_IN_VIRTUAL_TIME';

  constructor(who: string) {
    super(
      `${who}: virtual time does not wait for promises. Return an Observable, or write the test as\n` +
        `  advancing(pipeline, async (m) => { …; await m.advance('1s'); … })`,
    );
  }
}

export class PromiseWatch {
  readonly #onFound: (error: PromiseInVirtualTimeError) => void;
  /** What was begun last, and when: the best guess at who waits for a promise found at that moment. */
  #latest: { readonly who: string; readonly at: number } | undefined;
  #handle = 'a stream';

  constructor(onFound: (error: PromiseInVirtualTimeError) => void) {
    this.#onFound = onFound;
  }

  /** The same pipeline, its handle known by name. */
  watchHandle(pipeline: Pipeline): Pipeline {
    const handle: Pipeline['handle'] = (message, context): ObservableInput<unknown> => {
      const made = pipeline.handle(message, context);
      const about = `pipeline "${pipeline.name}"`;
      if (made instanceof Promise)
        this.#begin(`the handle of ${about} returns a promise, for message ${context.messageId}`);
      this.#handle = `a stream in the handle of ${about} waits for a promise`;
      return made;
    };
    return { ...pipeline, handle };
  }

  /** The same journal, whose records tell which step of which saga runs. */
  watchJournal(journal: Journal): Journal {
    const watched = (open: OpenJournal, saga: string): OpenJournal => ({
      records: open.records,
      append: (record, options) =>
        open.append(record, options).pipe(tap({ complete: () => this.#recorded(record, saga) })),
    });
    return {
      open: (key, message) => journal.open(key, message).pipe(map((open) => watched(open, key.name))),
      availability: journal.availability,
    };
  }

  /** Runs something synchronous, watched. */
  during<T>(run: () => T): T {
    const prototype: object = Promise.prototype;
    const original = Object.getOwnPropertyDescriptor(prototype, 'then');
    const then: unknown = original?.value;
    if (original === undefined || typeof then !== 'function') return run();
    const found = (): void => this.#found();
    function watchedThen(this: unknown, ...handlers: readonly unknown[]): unknown {
      found();
      return Reflect.apply(then as () => unknown, this, handlers);
    }
    Object.defineProperty(prototype, 'then', { ...original, value: watchedThen });
    try {
      return run();
    } finally {
      Object.defineProperty(prototype, 'then', original);
    }
  }

  #begin(who: string): void {
    this.#latest = { who, at: asyncScheduler.now() };
  }

  #recorded(record: JournalRecord, saga: string): void {
    if (record.kind === 'stepIntended') this.#begin(`step "${record.step}" of saga "${saga}" returns a promise`);
    if (record.kind === 'compensationIntended')
      this.#begin(`the compensation of step "${record.step}" of saga "${saga}" returns a promise`);
  }

  #found(): void {
    const isRecent = this.#latest?.at === asyncScheduler.now();
    this.#onFound(
      new PromiseInVirtualTimeError(isRecent && this.#latest !== undefined ? this.#latest.who : this.#handle),
    );
  }
}
