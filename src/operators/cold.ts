/**
 * What is begun by who subscribes, and no promise. `await` would give the Observable back, begin nothing and say nothing, so it has a `then` that refuses,
 * of which whoever knows Observables never asks.
 */
import { Observable, type Operator, type Subscriber, type TeardownLogic } from 'rxjs';

export abstract class Cold<T> extends Observable<T> {
  /** What is told to whoever awaits it. */
  abstract readonly refusal: string;

  /**
   * What operators make of it is awaited by mistake as often, and waits for as little. RxJS calls this internal, and has no other way; where it is not called,
   * a plain Observable comes of it.
   */
  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    const lifted = new Lifted<R>(this);
    lifted.source = this;
    lifted.operator = operator as Operator<unknown, R> | undefined;
    return lifted;
  }

  /** `await` looks it up where it stands, and calls it when nobody is there any more: the error is made by who looks, and thrown at who calls. */
  // biome-ignore lint/suspicious/noThenProperty: it is there to be found, so that nobody waits for what nobody begins
  get then(): () => never {
    const refusal = new TypeError(this.refusal);
    Error.captureStackTrace(refusal, lookUp);
    return () => {
      throw refusal;
    };
  }
}

/** Left out of the stack, which so begins where it is awaited. */
const lookUp = Object.getOwnPropertyDescriptor(Cold.prototype, 'then')?.get;

class Lifted<T> extends Cold<T> {
  readonly #of: Cold<unknown>;

  constructor(of: Cold<unknown>) {
    super();
    this.#of = of;
  }

  get refusal(): string {
    return this.#of.refusal;
  }
}

/** What a function of sluice gives to whoever calls it within a handle. */
export class ColdResult<T> extends Cold<T> {
  readonly #name: string;

  /** @param name what it is told by: `gather({ … })`. */
  constructor(name: string, subscribe: (sink: Subscriber<T>) => TeardownLogic) {
    super(subscribe);
    this.#name = name;
  }

  get refusal(): string {
    return `${this.#name} was not begun, for it is no promise: return it itself (not out of an async function), or put it into await firstValueFrom(…)`;
  }
}
