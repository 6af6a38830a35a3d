/**
 * Finds the promise a stream waits for in virtual time, where it would wait for ever. RxJS asks a promise by its `then`; while a test runs,
 * which is one synchronous stretch, that method tells who asked.
 */
import { asyncScheduler, map, type ObservableInput, tap } from 'rxjs';
import type { Journal, JournalRecord, OpenJournal } from '../../journal/journal.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { keepAuthorsFrames } from '../authors-frames.ts';
import { withThen } from '../with-then.ts';

/** Somebody waits for a promise, where promises do not settle. */
export class PromiseInVirtualTimeError extends TypeError {
  override readonly name = 'PromiseInVirtualTimeError';
  readonly code = 'ERR_PROMISE_IN_VIRTUAL_TIME';

  constructor(who: string, wayOut: string) {
    super(`${who}: virtual time does not wait for promises. Return an Observable, ${wayOut}`);
  }
}

const BY_A_CLOCK = "or write the test as\n  advancing(pipeline, async (m) => { …; await m.advance('1s'); … })";

export class PromiseWatch {
  readonly #onFound: (error: PromiseInVirtualTimeError) => void;
  readonly #wayOut: string;
  /** What was begun last, and when: the best guess at who waits for a promise found at that moment. */
  #latest: { readonly who: string; readonly at: number } | undefined;
  /** Pipelines whose handles have run: a stream that comes to a promise later is of one of them. */
  readonly #handled = new Set<string>();

  /** @param wayOut What else can be done than to return an Observable. */
  constructor(onFound: (error: PromiseInVirtualTimeError) => void, wayOut = BY_A_CLOCK) {
    this.#onFound = onFound;
    this.#wayOut = wayOut;
  }

  /** The same pipeline, its handle known by name. */
  watchHandle(pipeline: Pipeline): Pipeline {
    const handle: Pipeline['handle'] = (message, context): ObservableInput<unknown> => {
      const { name } = pipeline;
      const { messageId } = context;
      this.#handled.add(name);
      // `then` and `Promise.all` ask a promise before the handle has returned.
      this.#begin(`the handle of pipeline "${name}" waits for a promise, for message ${messageId}`);
      const made = pipeline.handle(message, context);
      this.#begin(
        made instanceof Promise
          ? `the handle of pipeline "${name}" returns a promise, for message ${messageId}`
          : aStreamIn([name]),
      );
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
    const found = (): void => this.#found();
    return withThen(
      (then) =>
        function watchedThen() {
          found();
          // It settles after the test: what waits for it is not told, and would go on in the machine's time.
          return Reflect.apply(then, this, [undefined, () => {}]);
        },
      run,
    );
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
    const { who, at } = this.#latest ?? {};
    const isRecent = at === asyncScheduler.now();
    const waiting = isRecent && who !== undefined ? who : aStreamIn([...this.#handled]);
    const error = new PromiseInVirtualTimeError(waiting, this.#wayOut);
    keepAuthorsFrames(error);
    this.#onFound(error);
  }
}

const aStreamIn = (pipelines: readonly string[]): string =>
  pipelines.length === 0
    ? 'a stream waits for a promise'
    : `a stream in the handle of pipeline ${pipelines.map((name) => `"${name}"`).join(' or ')} waits for a promise`;
