/**
 * The keys that an issuer publishes. Whoever could change them on their way could be every client, and anybody can make us look for them with a token
 * that is made up: so they are fetched as APIs are called, TLS always verified, bounded in size and time, and after a failure not again at once.
 */
import type { JSONWebKeySet } from 'jose';
import { defer, map, type Observable, tap, throwError } from 'rxjs';
import { fetchOnce } from '../http/fetch-once.ts';
import type { TlsOptions } from '../http/tls.ts';
import type { TransportResponse } from '../http/transport.ts';
import { readJson } from '../message/json.ts';
import { ForwardClock } from '../operators/forward-clock.ts';

/** A set of a hundred keys with their certificates has half of it. */
const MAX_BYTES = 256 * 1_024;
const WITHIN_MS = 5_000;
/** As long as a client is told to wait who comes meanwhile. */
const COOL_DOWN_MS = 5_000;

/** Cold. Emits the set that the issuer answers once `check` has not thrown; the error says why there is none, and quotes nothing of an answer. */
export const issuerKeys = (
  url: URL,
  tls: TlsOptions | undefined,
  check: (set: JSONWebKeySet) => unknown,
): Observable<JSONWebKeySet> =>
  sparing(
    fetchOnce({
      url,
      headers: { accept: 'application/json, application/jwk-set+json' },
      tls,
      maxBytes: MAX_BYTES,
      withinMs: WITHIN_MS,
    }).pipe(map(setIn), tap(check)),
  );

/** Cold. Asks, but for some seconds after a failure, in which the same failure is the answer. */
export function sparing<T>(ask: Observable<T>): Observable<T> {
  const clock = new ForwardClock();
  let failed: { readonly error: unknown; readonly atMs: number } | undefined;
  return defer(() => {
    if (failed !== undefined && clock.now() < failed.atMs + COOL_DOWN_MS) {
      const { error } = failed;
      return throwError(() => error);
    }
    return ask.pipe(
      tap({
        error: (error: unknown) => {
          failed = { error, atMs: clock.now() };
        },
      }),
    );
  });
}

function setIn({ status, body }: TransportResponse): JSONWebKeySet {
  if (status !== 200) throw new Error(`answered with status ${status}`);
  const reading = readJson(body);
  if (!reading.ok) throw new Error(`answered no acceptable JSON: ${reading.refusal.message}`);
  return reading.value as JSONWebKeySet;
}
