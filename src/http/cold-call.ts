/**
 * A call as handles hold it: a cold Observable, and no promise. `await` would give the Observable back, make no call and say nothing, so a call has a
 * `then` that refuses: TypeScript by the type of its `this`, what runs without types by an error. Whoever knows Observables never asks for it.
 */
import type { Observable, Subscriber, TeardownLogic } from 'rxjs';
import { Cold } from '../operators/cold.ts';

/**
 * A cold Observable of one answer: subscribing makes the call, unsubscribing gives it up. It is returned, piped, gathered, `mergeMap`ped to as any
 * Observable; awaited, or returned out of an async function, it does not compile, and fails where it runs. What RxJS's operators give is an Observable to the
 * compiler, and fails in the same way where it runs.
 */
export type Call<T> = Observable<T> | NoPromise<T>;

/**
 * What TypeScript refuses to wait for. Beside it stands the Observable itself, so that a call is one wherever types are compared or inferred: in a
 * condition with EMPTY, in a list, in a variable that is piped anew. An interface alone would be another type than what it is mixed with.
 */
interface NoPromise<T> extends Observable<T> {
  then(
    this: 'a call is no promise, and await makes none: return it, or await firstValueFrom(call); several become one by gather({ … })',
    ...callbacks: readonly unknown[]
  ): void;
}

/** What a refusal names it by. */
interface Named {
  readonly api: string;
  readonly operation: string;
}

export class ColdCall extends Cold<unknown> implements NoPromise<unknown> {
  readonly #call: Named;

  constructor(call: Named, subscribe: (sink: Subscriber<unknown>) => TeardownLogic) {
    super(subscribe);
    this.#call = call;
  }

  get refusal(): string {
    const { api, operation } = this.#call;
    return `${api} ${operation} was not made, for a call is no promise: return it itself (not out of an async function), or await firstValueFrom(call); several become one by gather({ … })`;
  }
}
