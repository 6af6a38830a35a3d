/** The one way letters are read by these commands: each is either taken by the command or left as it is. */
import { randomUUID } from 'node:crypto';
import type { HeldDelivery, QueueVisit } from '../../broker/dead-letters.ts';
import type { QueuePair } from './copies.ts';
import { LeaveLetters } from './leave-letters.ts';
import { DLQ_HEADER, type Letter, readLetter } from './letter.ts';
import type { Session } from './session.ts';

export interface Look {
  /** What letters are marked with that it sends on: since RabbitMQ 4 one that fails again at once may be read before others that lay there. */
  readonly id: string;
  readonly visit: QueueVisit;
  /** Letters read. */
  readonly looked: number;
  /** Letters that were put into their queue anew, because they had been looked at so often. */
  readonly renewed: number;
}

/** What becomes of a letter: `taken`, the command settles it by itself or on purpose does not; `left`, it stays. */
export type Fate = 'taken' | 'left';

export type Looker = (delivery: HeldDelivery, letter: Letter, look: Look) => Fate | Promise<Fate>;

export interface LookOptions {
  /** Letters read at most. Default: all that are there when it begins. */
  readonly max?: number;
  /** Asked after each letter, whether that was enough. */
  readonly isEnough?: () => boolean;
  /** Runs before what is held goes back: for settling what was taken. */
  readonly beforeEnd?: (look: Look) => Promise<void>;
}

/**
 * Reads the dead letters of a queue from the oldest on, until their end, a signal or `isEnough`. What was not settled then lies where it lay.
 * @throws TopologyError when there is no such queue; BrokerUnavailableError when the connection goes.
 */
export async function lookThrough(
  { office, stop }: Session,
  pair: QueuePair,
  looker: Looker,
  { max, isEnough = () => false, beforeEnd }: LookOptions = {},
): Promise<Look> {
  const visit = await office.visit(pair.dead);
  const id = randomUUID();
  const leaving = new LeaveLetters(office, pair, id);
  let looked = 0;
  const look = {
    id,
    visit,
    get looked() {
      return looked;
    },
    get renewed() {
      return leaving.renewed;
    },
  };
  try {
    try {
      for await (const delivery of visit.letters(max)) {
        if (stop.aborted) break;
        // It is here again, and was not when the look began.
        if (delivery.headers[DLQ_HEADER.look] === id) {
          visit.passOver();
          continue;
        }
        looked++;
        const letter = readLetter(delivery, pair.work);
        if ((await looker(delivery, letter, look)) === 'left') await leaving.leave(delivery, letter);
        if (stop.aborted || isEnough()) break;
      }
    } finally {
      // What is under way is brought to its end, whatever ended the reading.
      await beforeEnd?.(look);
    }
    await leaving.ended();
    return look;
  } finally {
    await visit.end();
  }
}
