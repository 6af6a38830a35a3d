/**
 * What an API has done: the first request with an idempotency key has its effect, each later one gets the first answer again.
 * In memory and bounded; the oldest keys are forgotten first.
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 */
import { type Answer, idOf, type Operation, type Order } from './operation.ts';

const MAX_KEPT = 100_000;

/** What the API did for a request. */
export type Performed =
  | { readonly kind: 'effect' | 'replay'; readonly answer: Answer }
  /** The key came before with another body: neither effect nor answer. */
  | { readonly kind: 'conflict' };

export class Effects {
  /** Operation and key → the body it came with and the answer it got. */
  readonly #answered = new Map<string, { readonly body: string; readonly answer: Answer }>();
  /** What it was about → how often. */
  readonly #times = new Map<string, number>();

  /** A key names an effect of one operation: the same key at another operation is another key. No key: an effect each time. */
  perform(operation: Operation, order: Order, key: string | undefined, body: string): Performed {
    if (key === undefined) return { kind: 'effect', answer: this.#have(order) };
    const name = `${operation.name} ${key}`;
    const answered = this.#answered.get(name);
    if (answered !== undefined)
      return answered.body === body ? { kind: 'replay', answer: answered.answer } : { kind: 'conflict' };

    const answer = this.#have(order);
    keep(this.#answered, name, { body, answer });
    return { kind: 'effect', answer };
  }

  clear(): void {
    this.#answered.clear();
    this.#times.clear();
  }

  #have({ about, answer }: Order): Answer {
    const nth = (this.#times.get(about) ?? 0) + 1;
    keep(this.#times, about, nth);
    return answer(idOf(about, nth));
  }
}

/** A Map iterates in the order of insertion: its first key is its oldest. */
function keep<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.set(key, value);
  if (map.size <= MAX_KEPT) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
