/** A copy of a message on its way to a delay queue or to the dead letters: tried until the broker has it, for as long as the delivery lives. */
import { defer, type Observable, retry, timer } from 'rxjs';
import { codeOf, messageOf, ResultInvalidError } from '../errors.ts';
import type { SettlementKind } from '../events.ts';
import type { OutgoingMessage } from '../message/outgoing.ts';
import { exponentialBackoff } from '../policies/backoff.ts';
import { clockNow } from './context.ts';
import { bareCopy } from './copies.ts';
import type { Engine } from './engine.ts';
import type { Journey } from './journey.ts';

/**
 * How copies are stored. Cold; completes when the broker has confirmed, never errors. Pauses grow to 30 s: nothing is acked on the hope that
 * its copy will be stored. A copy AMQP cannot carry (too many headers, a timestamp beyond its range) goes as its body and our own headers.
 */
export function storeWith({
  broker,
  facts,
  random,
}: Engine): (copy: OutgoingMessage, kind: SettlementKind, journey: Journey) => Observable<never> {
  const backoff = exponentialBackoff({ initialMs: 500, maxMs: 30_000, jitter: 'equal' }, random);

  return (copy, settlement, { identity }) => {
    let outgoing = copy;
    const pauseAfter = (error: unknown, attempt: number): Observable<unknown> => {
      const isRefusedAsItIs = error instanceof ResultInvalidError && outgoing === copy;
      if (isRefusedAsItIs) outgoing = bareCopy(copy, messageOf(error));
      const nextDelayMs = isRefusedAsItIs ? 0 : backoff(attempt);
      const [code, reason] = [codeOf(error), messageOf(error)];
      facts.report({ type: 'settlementDelayed', at: clockNow(), ...identity, settlement, code, reason, nextDelayMs });
      return timer(nextDelayMs);
    };
    return defer(() => broker.publish(outgoing)).pipe(retry({ delay: pauseAfter }));
  };
}
