/** Some of many, spread evenly over each second: all of few. Pure; the time comes with each question. */

export class EvenSample {
  readonly #max: number;
  readonly #ofMany: number;
  #second = 0;
  #seen = 0;
  #taken = 0;
  #every = 1;

  /**
   * @param max a second with more of them is a dense one; of none are more taken.
   * @param ofMany taken of a dense second, as far as the one before it was dense too.
   */
  constructor(max: number, ofMany = max) {
    this.#max = max;
    this.#ofMany = ofMany;
  }

  /** Asked once for each. */
  takes(at: number): boolean {
    const second = Math.floor(at / 1_000);
    if (second !== this.#second) this.#turn(second);
    const isTurn = this.#seen++ % this.#every === 0;
    if (!isTurn || this.#taken >= this.#max) return false;
    this.#taken++;
    return true;
  }

  #turn(second: number): void {
    const isNext = second === this.#second + 1;
    this.#every = isNext && this.#seen > this.#max ? Math.ceil(this.#seen / this.#ofMany) : 1;
    this.#second = second;
    this.#seen = 0;
    this.#taken = 0;
  }
}
