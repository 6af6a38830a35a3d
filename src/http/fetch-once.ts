/**
 * One GET of what the process itself needs now and then, the keys of an issuer say, over a connection of its own: TLS as towards APIs, verified whatever
 * Node's environment says, and its files read for each; bounded in size and in time. Redirects are not followed, no proxy is asked.
 */
import { concat, defer, finalize, type Observable } from 'rxjs';
import { timeoutWithin } from '../operators/timeout-within.ts';
import { createPlainTransport } from './plain-transport.ts';
import { readTls, type TlsOptions } from './tls.ts';
import type { TransportResponse } from './transport.ts';

export interface FetchOnceOptions {
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tls?: TlsOptions | undefined;
  /** Of the answer, before and after decompression. */
  readonly maxBytes: number;
  /** For all of it, from the look at the name to the last byte. */
  readonly withinMs: number;
}

/**
 * Cold. Emits the answer, whatever its status; unsubscribing closes the connection.
 * @throws TransportError, TimeoutExceededError, or what `readTls` throws.
 */
export const fetchOnce = ({ url, headers, tls, maxBytes, withinMs }: FetchOnceOptions): Observable<TransportResponse> =>
  defer(() => {
    const { origin, pathname, search } = url;
    const transport = createPlainTransport({
      base: { origin, prefix: '' },
      tls: tls === undefined ? undefined : readTls(tls),
      connections: 1,
      connectTimeoutMs: withinMs,
      keepAliveMs: 1,
      maxResponseBytes: maxBytes,
    });
    const answer = transport({ method: 'GET', origin, path: `${pathname}${search}`, headers, body: undefined });
    const close = (): void => {
      concat(transport.close?.() ?? []).subscribe();
    };
    return answer.pipe(timeoutWithin(withinMs), finalize(close));
  });
