/** The last line of a worker's terminal: what flows, what waits, what failed, brought up to date twice a second. */
import { asyncScheduler, interval, type Subscription } from 'rxjs';
import type { Worker } from '../worker/worker.ts';
import { oneLine } from './print.ts';
import { Rates, rateText } from './rates.ts';
import type { Terminal } from './terminal.ts';

const EVERY_MS = 500;

/** Until unsubscribed; the line is empty then. */
export function showStatus(worker: Worker, terminal: Terminal): Subscription {
  const rates = new Rates();
  const showing = interval(EVERY_MS).subscribe(() => terminal.status(statusText(worker, rates, asyncScheduler.now())));
  showing.add(() => terminal.status(''));
  return showing;
}

export function statusText(worker: Pick<Worker, 'ledgers' | 'readiness'>, rates: Rates, now: number): string {
  const { state, waiting } = worker.readiness();
  const sums = { done: 0, inFlight: 0, retried: 0, deadLettered: 0 };
  for (const { acked, inFlight, retried, deadLettered } of Object.values(worker.ledgers())) {
    sums.done += acked;
    sums.inFlight += inFlight;
    sums.retried += retried;
    sums.deadLettered += deadLettered;
  }
  const idle = Object.entries(waiting).map(([pipeline, reason]) => oneLine(`${pipeline} waits: ${reason}`));
  return [
    state,
    rateText(rates.of('done', sums.done, now)),
    `${sums.inFlight} in flight`,
    `${sums.done} done`,
    `${sums.retried} retried`,
    `${sums.deadLettered} dead-lettered`,
    ...idle,
  ].join(' · ');
}
