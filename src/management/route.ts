/**
 * What the worker serves over HTTP beside its work: a route is a method, a path and a function from request to answer. Health, metrics
 * and the dashboard hand theirs to the management server, which looks after everything else: who may ask, how much, and for how long.
 */
import type { Observable } from 'rxjs';

export interface Route {
  readonly method: 'GET' | 'POST';
  /** The whole path, without query: `/metrics`. HEAD is answered as GET. */
  readonly path: string;
  /** Whether it is served without the token: what holds no data of its own. Default: false. Of GET alone: an action always needs the token. */
  readonly isOpen?: boolean;
  /** What is thrown, or rejected, is logged and answered with 500. */
  readonly answer: (request: ManagementRequest) => Answer | Promise<Answer>;
}

export interface ManagementRequest {
  /** First value of each name. */
  readonly query: URLSearchParams;
  /** The JSON body of a POST; undefined where it is empty. At most 64 KiB were read. */
  readonly body: unknown;
  /** Whether the asker may see details: shown the token, or none is set and only loopback is served. */
  readonly isTrusted: boolean;
  /** Value of a header; names in lower case. */
  header(name: string): string | undefined;
}

/** A whole answer, or one that goes on. Headers given here win over the server's own, which forbid caching, framing and scripts. */
export type Answer = WholeAnswer | StreamAnswer;

export interface WholeAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface StreamAnswer {
  /** `text/event-stream` */
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Called once. Each text is written when the one before has gone: what to keep meanwhile, and how little, is the stream's choice, made
   * by `latestValueFrom` or a bounded buffer. `gone` emits once, and completes, when the asker left, was too slow, or the server closes: it
   * has to end the iteration.
   */
  readonly texts: (gone: Observable<void>) => AsyncIterable<string>;
}

export const jsonAnswer = (status: number, body: unknown): WholeAnswer => ({
  status,
  contentType: 'application/json',
  body: JSON.stringify(body),
});

/** An answer that says what is wrong and what would be right. */
export const refusal = (status: number, error: string, headers?: Readonly<Record<string, string>>): WholeAnswer => ({
  ...jsonAnswer(status, { error }),
  ...(headers === undefined ? {} : { headers }),
});
