/**
 * A transport whose requests carry a secret that is replaced while the worker runs: where the API refuses the one it has, it is read again, and
 * the request goes out once more with the new one.
 */
import { asyncScheduler, defer, mergeMap, type Observable, of } from 'rxjs';
import type { HeaderAuth } from './auth.ts';
import { headerValueProblem } from './headers.ts';
import type { Transport, TransportRequest, TransportResponse } from './transport.ts';

/** An API that refuses everything must not have a file read for each call. */
const READ_EVERY_MS = 1_000;

/** Requests come with the value of `auth` as it was at start, `first`. A secret that cannot be read, or is the same, leaves the answer as it is. */
export function renewedTransport(transport: Transport, auth: HeaderAuth, first: string): Transport {
  let value = first;
  let readAt = Number.NEGATIVE_INFINITY;

  const send = (request: TransportRequest): Observable<TransportResponse> =>
    transport(value === first ? request : { ...request, headers: { ...request.headers, [auth.header]: value } });

  /** Whether there is another value than the one that was refused: read now, or by a call before. */
  const isRenewed = (refused: string): boolean => {
    if (value !== refused) return true;
    const now = asyncScheduler.now();
    if (now - readAt < READ_EVERY_MS) return false;
    readAt = now;
    const found = readAgain(auth);
    if (found === undefined) return false;
    value = found;
    return value !== refused;
  };

  const renewed = (request: TransportRequest): Observable<TransportResponse> =>
    defer(() => {
      const used = value;
      return send(request).pipe(
        mergeMap((response) =>
          (response.status === 401 || response.status === 403) && isRenewed(used) ? send(request) : of(response),
        ),
      );
    });
  return Object.assign(renewed, transport.close === undefined ? {} : { close: transport.close });
}

function readAgain({ header, read }: HeaderAuth): string | undefined {
  try {
    const value = read();
    return headerValueProblem(header, value) === undefined ? value : undefined;
  } catch {
    return undefined;
  }
}
