/**
 * The keys that an issuer publishes. Whoever could change them on their way could be every client, and anybody can make us look for them with a token
 * that is made up: so they are fetched as APIs are called, TLS always verified, bounded in size and time.
 */
import type { JSONWebKeySet } from 'jose';
import { map, type Observable, tap } from 'rxjs';
import { fetchOnce } from '../http/fetch-once.ts';
import type { TlsOptions } from '../http/tls.ts';
import type { TransportResponse } from '../http/transport.ts';
import { readJson } from '../message/json.ts';

/** A set of a hundred keys with their certificates has half of it. */
const MAX_BYTES = 256 * 1_024;
const WITHIN_MS = 5_000;

/** Cold. Emits the set that the issuer answers once `check` has not thrown; the error says why there is none, and quotes nothing of an answer. */
export const issuerKeys = (
  url: URL,
  tls: TlsOptions | undefined,
  check: (set: JSONWebKeySet) => unknown,
): Observable<JSONWebKeySet> =>
  fetchOnce({
    url,
    headers: { accept: 'application/json, application/jwk-set+json' },
    tls,
    maxBytes: MAX_BYTES,
    withinMs: WITHIN_MS,
  }).pipe(map(setIn), tap(check));

function setIn({ status, body }: TransportResponse): JSONWebKeySet {
  if (status !== 200) throw new Error(`answered with status ${status}`);
  const reading = readJson(body);
  if (!reading.ok) throw new Error(`answered no acceptable JSON: ${reading.refusal.message}`);
  return reading.value as JSONWebKeySet;
}
