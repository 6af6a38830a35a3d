/** The way to a token endpoint: under the rules of the API it gives tokens for, but for what belongs to that API alone. */
import type { LookupFunction } from 'node:net';
import type { ApiSettings } from './api-settings.ts';
import { createPlainTransport } from './plain-transport.ts';
import type { Transport } from './transport.ts';

/** One token is asked for at a time; the other connection is for the moment one is given up. */
const CONNECTIONS = 2;
/** Tokens have some kilobytes at most. */
const MAX_BYTES = 65_536;

/** A client certificate and pins are for the API: its token endpoint may be another host. */
export function tokenTransport(
  origin: string,
  { tls, addresses, timeoutMs, keepAliveMs }: ApiSettings,
  lookup: LookupFunction | undefined,
): Transport {
  return createPlainTransport({
    base: { origin, prefix: '' },
    tls:
      tls === undefined ? undefined : { ca: tls.ca, cert: undefined, key: undefined, pins: [], servername: undefined },
    addresses,
    lookup,
    connections: CONNECTIONS,
    connectTimeoutMs: timeoutMs,
    keepAliveMs,
    maxResponseBytes: MAX_BYTES,
  });
}
