/** An answer as the cache of an API keeps it: the bytes, of which each caller reads a value of its own. */
import { headerOf, type TransportResponse } from './transport.ts';

export interface KeptAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  /** A copy that nobody else holds. */
  readonly body: Uint8Array;
}

/** What an entry takes beside its body: key, dates and objects, generously. */
const ENTRY_BYTES = 512;

export const keptOf = (response: TransportResponse): KeptAnswer => ({
  status: response.status,
  contentType: headerOf(response, 'content-type'),
  body: new Uint8Array(response.body),
});

export const bytesOf = ({ body }: KeptAnswer): number => body.byteLength + ENTRY_BYTES;

/** Copied once more, since the value of an answer may be its bytes. */
export const responseOf = ({ status, contentType, body }: KeptAnswer): TransportResponse => ({
  status,
  headers: contentType === undefined ? {} : { 'content-type': contentType },
  body: Buffer.from(body),
});
