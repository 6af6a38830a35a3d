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
  /** Operation → the answers to what it did, the oldest first. */
  readonly #made = new Map<string, unknown[]>();
  /** What it was about → how often. */
  readonly #times = new Map<string, number>();

  /** A key names an effect of one operation: the same key at another operation is another key. No key: an effect each time. */
  perform(operation: Operation, order: Order, key: string | undefined, body: string): Performed {
    if (key === undefined) return { kind: 'effect', answer: this.#have(operation, order) };
    const name = `${operation.name} ${key}`;
    const answered = this.#answered.get(name);
    if (answered !== undefined)
      return answered.body === body ? { kind: 'replay', answer: answered.answer } : { kind: 'conflict' };

    const answer = this.#have(operation, order);
    keep(this.#answered, name, { body, answer });
    return { kind: 'effect', answer };
  }

  /** What an operation made, as it answered. */
  madeBy(operation: string): readonly unknown[] {
    return this.#made.get(operation) ?? [];
  }

  clear(): void {
    this.#answered.clear();
    this.#made.clear();
    this.#times.clear();
  }

  #have({ name }: Operation, { about, answer }: Order): Answer {
    const nth = (this.#times.get(about) ?? 0) + 1;
    keep(this.#times, about, nth);
    const had = answer(idOf(about, nth));
    const made = this.#made.get(name) ?? [];
    this.#made.set(name, made);
    made.push(had.body);
    if (made.length > MAX_KEPT) made.shift();
    return had;
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
