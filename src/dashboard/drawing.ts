/**
 * Which messages are drawn one by one: all, while a browser can show them; of many, a few a second, spread evenly. The rest is density.
 * Pure; the time comes with each question.
 */

/** A second with more deliveries than this is a dense one. */
const MAX_A_SECOND = 25;
/** Drawn of the messages of a dense second. */
const OF_A_DENSE_SECOND = 3;
/** Settlements of messages that are not drawn themselves, but went wrong. */
const TROUBLES_A_SECOND = 8;

export class Drawing {
  #second = 0;
  #seen = 0;
  #drawn = 0;
  #troubles = 0;
  #every = 1;

  /** Asked once for each delivery. */
  drawsMessage(at: number): boolean {
    this.#turn(at);
    const isTurn = this.#seen++ % this.#every === 0;
    if (!isTurn || this.#drawn >= MAX_A_SECOND) return false;
    this.#drawn++;
    return true;
  }

  /** Asked for each settlement that is no ack, of a message that is not drawn. */
  drawsTrouble(at: number): boolean {
    this.#turn(at);
    return this.#troubles++ < TROUBLES_A_SECOND;
  }

  #turn(at: number): void {
    const second = Math.floor(at / 1_000);
    if (second === this.#second) return;
    const isNext = second === this.#second + 1;
    this.#every = isNext && this.#seen > MAX_A_SECOND ? Math.ceil(this.#seen / OF_A_DENSE_SECOND) : 1;
    this.#second = second;
    this.#seen = 0;
    this.#drawn = 0;
    this.#troubles = 0;
  }
}
