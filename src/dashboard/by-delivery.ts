/**
 * What is known of deliveries that are out, found by their tag in a table whose size never changes. Not a Map: one that is filled and
 * emptied all the time makes itself anew, and each table it leaves behind holds what was in it and the one after it. As soon as one of them
 * is old, the young generation's collections take the whole chain of them for living, and carry what is long settled into the old one.
 */

/** Of which delivery something is. */
export interface OfDelivery {
  readonly pipeline: string;
  readonly messageId: string;
  readonly deliveryTag: number;
}

interface Entry {
  readonly delivered: OfDelivery;
  /** The next one whose tag has the same place; undefined, too, while it is in no table. */
  next: this | undefined;
}

/** Tags are counted up, so that those of what is out at once have places of their own; more of them share some. */
const PLACES = 1_024;

export class ByDelivery<Known extends Entry> {
  readonly #places: (Known | undefined)[] = new Array<Known | undefined>(PLACES).fill(undefined);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The latest of this delivery. */
  find({ pipeline, messageId, deliveryTag }: OfDelivery): Known | undefined {
    let known = this.#places[deliveryTag % PLACES];
    // Nearly always there is none, or one.
    while (known !== undefined && !isOf(known.delivered, pipeline, messageId, deliveryTag)) known = known.next;
    return known;
  }

  add(known: Known): void {
    const place = known.delivered.deliveryTag % PLACES;
    known.next = this.#places[place];
    this.#places[place] = known;
    this.#size++;
  }

  remove(known: Known): void {
    const place = known.delivered.deliveryTag % PLACES;
    const first = this.#places[place];
    if (first === known) this.#places[place] = known.next;
    else {
      let before = first;
      while (before !== undefined && before.next !== known) before = before.next;
      if (before === undefined) return;
      before.next = known.next;
    }
    known.next = undefined;
    this.#size--;
  }

  *[Symbol.iterator](): Iterator<Known> {
    for (const first of this.#places) for (let known = first; known !== undefined; known = known.next) yield known;
  }
}

const isOf = (delivered: OfDelivery, pipeline: string, messageId: string, deliveryTag: number): boolean =>
  delivered.deliveryTag === deliveryTag && delivered.messageId === messageId && delivered.pipeline === pipeline;
