/**
 * How guards that judge by the ends of calls hear of them: a call is admitted, and its one end is told.
 * The operators tell it from a Subscriber around the source; src/http/attempt.ts, where a layer around each attempt is felt, tells it itself.
 */
import { Observable, Subscriber } from 'rxjs';
import { tearDown } from './tear-down.ts';

/** One call that was let through. Exactly one of these is called, once, before the end is passed on. */
export interface Tally {
  completed(): void;
  /** What this throws becomes the failure of the call. */
  failed(cause: unknown): void;
  /** It was unsubscribed from before it ended; told before what runs is torn down. */
  abandoned(): void;
}

/** Mirrors the source as a call that `admit` lets through; fails with what `admit` throws, without subscribing to the source. */
export function tallied<T>(source: Observable<T>, admit: () => Tally): Observable<T> {
  return new Observable((sink) => {
    if (sink.closed) return;
    const tally = admit();
    // Who heard of a change that admitting it made may have ended the call.
    if (sink.closed) tally.abandoned();
    else source.subscribe(new TalliedSubscriber(sink, tally));
  });
}

class TalliedSubscriber<T> extends Subscriber<T> {
  readonly #sink: Subscriber<T>;
  readonly #tally: Tally;
  #hasEnded = false;

  constructor(sink: Subscriber<T>, tally: Tally) {
    super(sink);
    this.#sink = sink;
    this.#tally = tally;
  }

  protected override _complete(): void {
    this.#hasEnded = true;
    this.#tally.completed();
    const failure = tearDown(this);
    if (failure === undefined) this.#sink.complete();
    else this.#sink.error(failure);
  }

  protected override _error(cause: unknown): void {
    this.#hasEnded = true;
    const failure = judged(this.#tally, cause);
    this.#sink.error(tearDown(this) ?? failure);
  }

  override unsubscribe(): void {
    if (this.closed) return;
    if (!this.#hasEnded) this.#tally.abandoned();
    super.unsubscribe();
  }
}

/** Tells of a failure. Gives what the call fails with: the cause, or what judging it threw. */
export function judged(tally: Tally | undefined, cause: unknown): unknown {
  try {
    tally?.failed(cause);
    return cause;
  } catch (thrown) {
    return thrown;
  }
}

/** The tally of a call through a guard that is had as an operator alone. @throws what the guard turns it away with. */
export function tallyOf(guard: { run(source: Observable<never>): Observable<never> }): Tally {
  let call: Subscriber<never> | undefined;
  let failure: unknown;
  const running = guard
    .run(
      new Observable((sink) => {
        call = sink;
      }),
    )
    .subscribe({
      error: (cause: unknown) => {
        failure = cause;
      },
    });
  const admitted = call;
  if (admitted === undefined) throw failure;
  return {
    completed: () => admitted.complete(),
    failed: (cause) => {
      admitted.error(cause);
      if (failure !== cause) throw failure;
    },
    abandoned: () => running.unsubscribe(),
  };
}
