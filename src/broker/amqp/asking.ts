/**
 * Requests that have an answer (open, declare, consume, cancel, close), each bounded in time and ended with the connection:
 * a leaderless queue answers never, and amqplib leaves the promise of a close hanging when the connection dies under it.
 */
import { asyncScheduler } from 'rxjs';
import { BrokerUnavailableError } from '../../errors.ts';

/** So many unanswered requests in a row, and the connection is given up although heartbeats still come. */
const MAX_UNANSWERED = 3;

export interface Asking {
  /**
   * The answer. One that comes too late is handed to `onLate`, a late refusal is swallowed. `asked` is for the message of one that does not
   * come: a function, where only then is known what that was.
   * @throws BrokerUnavailableError when none comes in time or the connection ends; else what the broker answered.
   */
  ask<T>(answer: Promise<T>, asked: string | (() => string), onLate?: (value: T) => void): Promise<T>;
  /** Fails all that wait. */
  end(reason: string): void;
}

export function createAsking(withinMs: number, giveUp: (reason: string) => void): Asking {
  const waiting = new Set<(error: unknown) => void>();
  let unanswered = 0;

  return {
    ask: (answer, asked, onLate) =>
      new Promise((resolve, reject) => {
        const fail = (error: unknown): void => {
          stopWaiting();
          reject(error);
        };
        const stopWaiting = (): boolean => {
          timer.unsubscribe();
          return waiting.delete(fail);
        };
        const timer = asyncScheduler.schedule(() => {
          const what = typeof asked === 'string' ? asked : asked();
          fail(new BrokerUnavailableError(`the broker did not answer ${what} within ${withinMs} ms`));
          unanswered++;
          if (unanswered >= MAX_UNANSWERED) giveUp(`${unanswered} requests in a row were not answered`);
        }, withinMs);
        waiting.add(fail);
        answer.then(
          (value) => {
            unanswered = 0;
            if (stopWaiting()) resolve(value);
            else onLate?.(value);
          },
          (error: unknown) => {
            unanswered = 0;
            fail(error);
          },
        );
      }),
    end(reason) {
      for (const fail of [...waiting]) fail(new BrokerUnavailableError(reason));
    },
  };
}
