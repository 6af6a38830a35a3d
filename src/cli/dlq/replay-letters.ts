/**
 * Puts letters into their queue again. Each is published with confirm and as mandatory, and acked only then; whatever cuts that off leaves a
 * letter in one place or in both, never in none. Its message id stays, so that the second one does nothing new.
 */
import type { HeldDelivery } from '../../broker/dead-letters.ts';
import { codeOf, messageOf, ResultInvalidError } from '../../errors.ts';
import { type QueuePair, retryOf } from './copies.ts';
import type { Filter } from './filter.ts';
import { InFlight } from './in-flight.ts';
import type { Letter } from './letter.ts';
import { type Fate, type Look, lookThrough } from './look-through.ts';
import { Pace } from './rate.ts';
import type { Session } from './session.ts';

export interface ReplayOptions {
  readonly filter: Filter;
  /** Milliseconds between two letters. */
  readonly everyMs: number;
  /** Told after each letter that was looked at, and again when it was put back. */
  readonly onProgress?: (counts: Pick<Replayed, 'letters' | 'looked' | 'matched' | 'retried'>) => void;
}

export interface Replayed {
  /** Letters that were ready when it began. */
  readonly letters: number;
  readonly looked: number;
  readonly matched: number;
  readonly retried: number;
  /** Published, or perhaps published, but not acked: in both queues, or only still here. */
  readonly inDoubt: number;
  /** Letters AMQP cannot carry as they are. */
  readonly unsendable: number;
  /** Put into the dead letters anew, because they had been looked at so often. */
  readonly renewed: number;
  readonly isCutShort: boolean;
  /** What ended it before its end. */
  readonly failure: string | undefined;
}

/** Letters published and not confirmed yet: a bound on what may lie in both queues after a crash. */
const MAX_IN_FLIGHT = 100;

/** Never rejects: what ends it is told. */
export const replayLetters = (session: Session, pair: QueuePair, options: ReplayOptions): Promise<Replayed> =>
  new Replaying(session, pair, options).run();

class Replaying {
  readonly #session: Session;
  readonly #pair: QueuePair;
  readonly #options: ReplayOptions;
  readonly #pace: Pace;
  readonly #inFlight = new InFlight(MAX_IN_FLIGHT);
  #matched = 0;
  #retried = 0;
  #inDoubt = 0;
  #unsendable = 0;
  #failure: string | undefined;

  constructor(session: Session, pair: QueuePair, options: ReplayOptions) {
    this.#session = session;
    this.#pair = pair;
    this.#options = options;
    this.#pace = new Pace(options.everyMs);
  }

  async run(): Promise<Replayed> {
    const { stop } = this.#session;
    const { filter, onProgress } = this.#options;
    let [looked, letters, renewed] = [0, 0, 0];
    const tell = (look: Look): void =>
      onProgress?.({ letters: look.visit.ready, looked: look.looked, matched: this.#matched, retried: this.#retried });
    const take = async (delivery: HeldDelivery, letter: Letter, look: Look): Promise<Fate> => {
      if (!filter(letter)) {
        tell(look);
        return 'left';
      }
      this.#matched++;
      await this.#pace.turn(stop);
      if (stop.aborted || this.#failure !== undefined) return 'taken';
      await this.#inFlight.add(this.#retryOne(delivery, letter, look.id).then(() => tell(look)));
      tell(look);
      return 'taken';
    };
    try {
      await lookThrough(this.#session, this.#pair, take, {
        isEnough: () => this.#failure !== undefined,
        beforeEnd: async (look) => {
          await this.#inFlight.ended();
          [looked, letters, renewed] = [look.looked, look.visit.ready, look.renewed];
        },
      });
    } catch (error) {
      this.#failure ??= messageOf(error);
    }
    return {
      letters,
      looked,
      matched: this.#matched,
      retried: this.#retried,
      inDoubt: this.#inDoubt,
      unsendable: this.#unsendable,
      renewed,
      isCutShort: stop.aborted && this.#failure === undefined,
      failure: this.#failure,
    };
  }

  /** Never rejects. */
  async #retryOne(delivery: HeldDelivery, letter: Letter, look: string): Promise<void> {
    const { office } = this.#session;
    const { hold } = delivery;
    try {
      await office.publish(retryOf(delivery, letter, this.#pair, look));
    } catch (error) {
      if (error instanceof ResultInvalidError) {
        this.#unsendable++;
        return;
      }
      if (codeOf(error) === 'ERR_PUBLISH_UNKNOWN') this.#inDoubt++;
      this.#failure ??= messageOf(error);
      return;
    }
    if (hold.ack() === 'sent') this.#retried++;
    else this.#inDoubt++;
  }
}
