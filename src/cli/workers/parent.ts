/**
 * The parent of a worker process, as the process sees it. It is told several times a second that the process lives and how it is; what is
 * not taken yet is not sent again, so that a parent that is busy costs nothing.
 */
import { exhaustMap, interval, type Subscription, startWith } from 'rxjs';
import type { Frame, Story } from '../../dashboard/wire.ts';
import type { MetricsSnapshot } from '../../observability/metrics/snapshot.ts';
import type { Readiness } from '../../worker/worker.ts';
import { type Answers, envelope, type FromWorker, opened, type Question, type ToWorker } from './protocol.ts';

const TELL_EVERY_MS = 200;

/** What can be said once there is a worker. */
export interface Told {
  readiness(): Readiness;
  /** What the dashboard has not been shown yet. */
  frame(): Frame;
  metrics(): Promise<MetricsSnapshot>;
  story(pipeline: string, messageId: string, deliveryTag: number): Story | undefined;
  stop(): void;
  hasten(reason: string): void;
  /** Nobody watches over this process any more. */
  orphaned(): void;
}

export interface Parent {
  /** From now on there is a worker. */
  attach(told: Told): void;
  /** The last word, before the process ends. */
  close(metrics: MetricsSnapshot): Promise<void>;
}

const STARTING: Readiness = { isReady: false, state: 'starting', waiting: {} };

/** @param whenUnattached called when the process is to end, or is alone, before there is a worker. */
export function openParent(whenUnattached: () => void): Parent {
  let told: Told | undefined;
  const telling: Subscription = interval(TELL_EVERY_MS)
    .pipe(
      startWith(-1),
      exhaustMap(() => say({ type: 'seen', readiness: told?.readiness() ?? STARTING, frame: told?.frame() })),
    )
    .subscribe();

  const answer = async (question: Question): Promise<Answers[keyof Answers]> =>
    question.type === 'metrics'
      ? ((await told?.metrics()) ?? [])
      : told?.story(question.pipeline, question.messageId, question.deliveryTag);

  const listen = (received: unknown): void => {
    const message = opened<ToWorker>(received);
    if (message === undefined) return;
    if (message.type === 'ask')
      void answer(message.question).then((found) => say({ type: 'answer', id: message.id, answer: found }));
    else if (told === undefined) whenUnattached();
    else if (message.type === 'stop') told.stop();
    else told.hasten(message.reason);
  };
  const onDisconnect = (): void => {
    telling.unsubscribe();
    if (told === undefined) whenUnattached();
    else told.orphaned();
  };
  process.on('message', listen).once('disconnect', onDisconnect);

  return {
    attach: (worker) => {
      told = worker;
    },
    close: async (metrics) => {
      telling.unsubscribe();
      await say({ type: 'counted', metrics });
      process.off('message', listen).off('disconnect', onDisconnect);
    },
  };
}

/** Resolves when it has gone, or never will. */
const say = (message: FromWorker): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(envelope(message), undefined, undefined, () => resolve());
  });
