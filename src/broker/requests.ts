/**
 * Requests over the broker: a message that asks for an answer, and the answers that come back to this process (direct reply-to).
 * Beside the broker port, because only those who ask need it; the engine answers by publishing to `reply-to`.
 */
import type { Observable } from 'rxjs';
import type { Headers, MessageProperties } from '../message/delivery.ts';
import type { OutgoingMessage } from '../message/outgoing.ts';

/** Headers by which an asker and a pipeline understand each other. */
export const REQUEST_HEADER = {
  /** On an answer: the id of the message it answers. The correlation id is the conversation's, which many requests may share. */
  answers: 'x-sluice-answers',
  /** On a request, with the value `outcome`: answer, too, when there is no result, and when the message is dead-lettered. */
  tell: 'x-sluice-tell',
  /** On an answer that is no result: `done`, without one, or `dead-lettered`. */
  outcome: 'x-sluice-outcome',
  /** On an answer that tells of a dead letter: the code of its error. */
  errorCode: 'x-sluice-error-code',
  /** On an answer that tells of a dead letter, `true`: what failed may pass, there was only no try left. */
  transient: 'x-sluice-error-transient',
} as const;

/** A message that came back. */
export interface Reply {
  readonly body: Uint8Array;
  readonly properties: MessageProperties;
  readonly headers: Headers;
}

/** First `confirmed`, or a reply that was faster; then each reply. */
export type RequestProgress = { readonly kind: 'confirmed' } | { readonly kind: 'reply'; readonly reply: Reply };

export interface Requests {
  /**
   * Cold. Publishes with a confirm and a `reply-to` of this process, then emits what comes back under `key` until it is unsubscribed; never completes. What comes back for nobody is dropped, and so may an answer be to who has had one. Holds one entry for
   * each subscriber, and whoever subscribes bounds them. Unsubscribing before it left takes it back; after that it only stops listening.
   * @throws whatever `Broker.publish` does; ReplyLostError when it was confirmed and the channel its answers would come over is gone.
   */
  request(message: OutgoingMessage, key: string): Observable<RequestProgress>;
}

/**
 * The two places a process asks from, each with an address of its own for answers: whoever answers calls of services learns nothing by which
 * he could answer for the pipelines behind the front door.
 */
export interface Asking extends Requests {
  /** Asked by the id of a message: an answer is known by its header `x-sluice-answers` or, without one, its correlation id. */
  request: Requests['request'];
  /** Asked by a correlation id that is new for each request, by which alone an answer is known. */
  readonly calls: Requests;
}
