/**
 * Identical calls of one message, told apart by their order: the second equal POST is meant to happen a second time, and gets a key of its own.
 * The order is that in which the author's function made the calls, whenever they are subscribed to; a redelivery makes them in the same.
 */

/** A call as far as counting goes; asking for its effect throws where it cannot be sent. */
interface Countable {
  readonly effect: string;
}

export class Repeats {
  /** Calls in the order they were made; each is let go once it is counted, the first when a second is. */
  #calls: (Countable | undefined)[] | undefined;
  /** Of the calls that are counted. Undefined: the first alone has asked, which is told without counting. */
  #ordinals: number[] | undefined;
  #counts: Map<string, number> | undefined;

  /** The call's place in the order, from 0. */
  join(call: Countable): number {
    if (this.#calls !== undefined) return this.#calls.push(call) - 1;
    this.#calls = [call];
    return 0;
  }

  /** How many calls made before the one at `place` do the same. Reads each call's effect once, when it or a later one asks. */
  ordinalAt(place: number): number {
    if (place === 0 || this.#calls === undefined) return 0;
    this.#ordinals ??= [];
    this.#counts ??= new Map();
    for (let at = this.#ordinals.length; at <= place; at++) {
      const effect = effectOf(this.#calls[at]);
      const ordinal = effect === undefined ? 0 : (this.#counts.get(effect) ?? 0);
      if (effect !== undefined) this.#counts.set(effect, ordinal + 1);
      this.#ordinals.push(ordinal);
      this.#calls[at] = undefined;
    }
    return this.#ordinals[place] ?? 0;
  }
}

/** The calls of an operation among those kept by operation. Made when they are first asked for. */
export function repeatsOf(operation: string, known: Map<string, Repeats>): Repeats {
  const found = known.get(operation);
  if (found !== undefined) return found;
  const repeats = new Repeats();
  known.set(operation, repeats);
  return repeats;
}

/** A call that cannot be sent has no effect that another could repeat. */
function effectOf(call: Countable | undefined): string | undefined {
  try {
    return call?.effect;
  } catch {
    return undefined;
  }
}
