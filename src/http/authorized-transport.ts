/** A transport whose requests carry a token, and go out once more with a new one where the API refuses it. */
import { concat, mergeMap, type Observable, of } from 'rxjs';
import type { TokenRequest } from './oauth2.ts';
import { type Token, TokenSource } from './token-source.ts';
import type { Transport, TransportRequest, TransportResponse } from './transport.ts';

const UNAUTHORIZED = 401;

/** Closing it closes both. `timeoutMs` bounds asking for a token, on top of what bounds the attempt that waits for it. */
export function authorizedTransport(
  transport: Transport,
  toTokens: Transport,
  tokenRequest: () => TokenRequest,
  timeoutMs: number,
): Transport {
  const tokens = new TokenSource(tokenRequest, toTokens, timeoutMs);
  const send = (request: TransportRequest, { value }: Token): Observable<TransportResponse> =>
    transport({ ...request, headers: { ...request.headers, authorization: `Bearer ${value}` } });

  const authorized = (request: TransportRequest): Observable<TransportResponse> =>
    tokens.current().pipe(
      mergeMap((token) =>
        send(request, token).pipe(
          mergeMap((response) => {
            const another = response.status === UNAUTHORIZED ? tokens.instead(token) : undefined;
            return another === undefined ? of(response) : another.pipe(mergeMap((fresh) => send(request, fresh)));
          }),
        ),
      ),
    );
  return Object.assign(authorized, {
    close: () => concat(...[transport, toTokens].flatMap(({ close }) => (close === undefined ? [] : [close()]))),
  });
}
