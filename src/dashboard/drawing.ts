/**
 * Which messages are drawn one by one, and which are followed so that their story can be told: all, while there are few; of many, some a
 * second, spread evenly. The rest is density. Pure; the time comes with each question.
 */
import { EvenSample } from './even-sample.ts';

/** A second with more deliveries than this is a dense one. */
const MAX_A_SECOND = 25;
/** Drawn of the messages of a dense second. */
const OF_A_DENSE_SECOND = 3;
/** More than this are not followed: it is what costs the worker most of the dashboard. */
const FOLLOWED_A_SECOND = 200;
/** Settlements of messages that are not drawn themselves, but went wrong. */
const TROUBLES_A_SECOND = 8;

export class Drawing {
  readonly #drawn = new EvenSample(MAX_A_SECOND, OF_A_DENSE_SECOND);
  readonly #followed = new EvenSample(FOLLOWED_A_SECOND);
  readonly #failures = new EvenSample(FOLLOWED_A_SECOND);
  readonly #troubles = new EvenSample(TROUBLES_A_SECOND);

  /** Asked once for each delivery. */
  drawsMessage(at: number): boolean {
    return this.#drawn.takes(at);
  }

  /** Asked once for each delivery. */
  followsMessage(at: number): boolean {
    return this.#followed.takes(at);
  }

  /** Asked for each failed attempt of a message that is not followed so far. */
  followsFailure(at: number): boolean {
    return this.#failures.takes(at);
  }

  /** Asked for each settlement that is no ack, of a message that is not drawn. */
  drawsTrouble(at: number): boolean {
    return this.#troubles.takes(at);
  }
}
