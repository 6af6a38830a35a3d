/**
 * A call as handles hold it: a cold Observable, and no promise. `await` would give the Observable back, make no call and say nothing, so a call has a
 * `then` that refuses: TypeScript by the type of its `this`, what runs without types by an error. Whoever knows Observables never asks for it.
 */
import { Observable, type Operator, type Subscriber, type TeardownLogic } from 'rxjs';

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

export class ColdCall extends Observable<unknown> implements NoPromise<unknown> {
  readonly #call: Named;

  constructor(call: Named, subscribe?: (sink: Subscriber<unknown>) => TeardownLogic) {
    super(subscribe);
    this.#call = call;
  }

  /* eslint-disable @typescript-eslint/no-deprecated -- RxJS calls it internal, and has no other way; where it is not called, a plain Observable comes of it */
  /** What operators make of a call is a call still: it is awaited by mistake as often, and waits for as little. */
  override lift<R>(operator?: Operator<unknown, R>): Observable<R> {
    const lifted = new ColdCall(this.#call);
    lifted.source = this;
    lifted.operator = operator;
    return lifted as Observable<R>;
  }
  /* eslint-enable @typescript-eslint/no-deprecated */

  /** `await` looks it up where it stands, and calls it when nobody is there any more: the error is made by who looks, and thrown at who calls. */
  // biome-ignore lint/suspicious/noThenProperty: it is there to be found, so that nobody waits for a call that nobody makes
  get then(): () => never {
    const { api, operation } = this.#call;
    const refusal = new TypeError(
      `${api} ${operation} was not made, for a call is no promise: return it itself (not out of an async function), or await firstValueFrom(call); several become one by gather({ … })`,
    );
    Error.captureStackTrace(refusal, lookUp);
    return () => {
      throw refusal;
    };
  }
}

/** Left out of the stack, which so begins where the call is awaited. */
const lookUp = Object.getOwnPropertyDescriptor(ColdCall.prototype, 'then')?.get;
