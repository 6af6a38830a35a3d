/** What a parent and its worker processes say to each other over the channel between them: types alone, and how ours are told from others'. */
import type { Frame, Story } from '../../dashboard/wire.ts';
import type { MetricsSnapshot } from '../../observability/metrics/snapshot.ts';
import type { Readiness } from '../../worker/worker.ts';

/** What the parent asks for. `id` comes back with the answer. */
export type Question =
  | { readonly type: 'metrics' }
  | {
      readonly type: 'story';
      readonly pipeline: string;
      readonly messageId: string;
      readonly deliveryTag: number;
    };

export interface Answers {
  readonly metrics: MetricsSnapshot;
  readonly story: Story | undefined;
}

export type ToWorker =
  /** Finish what is in flight, and end. */
  | { readonly type: 'stop' }
  /** End now: what still runs is aborted and given back. */
  | { readonly type: 'hasten'; readonly reason: string }
  | { readonly type: 'ask'; readonly id: number; readonly question: Question };

export type FromWorker =
  /** Several times a second, from the first moment: the process lives, and this is how it is. */
  | { readonly type: 'seen'; readonly readiness: Readiness; readonly frame?: Frame | undefined }
  | { readonly type: 'answer'; readonly id: number; readonly answer: Answers[keyof Answers] }
  /** The last word: what it has counted. */
  | { readonly type: 'counted'; readonly metrics: MetricsSnapshot };

/** Modules of users run in the same process, and may have words of their own for whoever started it. */
interface Envelope<Message> {
  readonly sluice: Message;
}

export const envelope = <Message>(message: Message): Envelope<Message> => ({ sluice: message });

export function opened<Message>(received: unknown): Message | undefined {
  return typeof received === 'object' && received !== null && 'sluice' in received
    ? (received as Envelope<Message>).sluice
    : undefined;
}
