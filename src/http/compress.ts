/** Large request bodies under gzip: beside the event loop, and once for all attempts of a call. */
import { gzip } from 'node:zlib';
import { Observable, of } from 'rxjs';
import { transportErrorOf } from './classify.ts';
import type { TransportRequest } from './transport.ts';

/** What bodies became, as long as anything holds them. `undefined`: gzip makes it no smaller. */
type Packed = WeakMap<Uint8Array, Uint8Array | undefined>;

export type Compress = (request: TransportRequest) => Observable<TransportRequest>;

/** Packs bodies of more than `aboveBytes`, unless the author has encoded them already. */
export function compressAbove(aboveBytes: number): Compress {
  const packed: Packed = new WeakMap();
  return (request) => {
    const { body, headers } = request;
    if (body === undefined || body.byteLength <= aboveBytes || Object.hasOwn(headers, 'content-encoding'))
      return of(request);
    if (packed.has(body)) return of(withBody(request, packed.get(body)));
    return new Observable((sink) => {
      gzip(body, (error, bytes) => {
        if (error !== null) return sink.error(transportErrorOf(error));
        packed.set(body, bytes.byteLength < body.byteLength ? bytes : undefined);
        sink.next(withBody(request, packed.get(body)));
        sink.complete();
      });
    });
  };
}

const withBody = (request: TransportRequest, body: Uint8Array | undefined): TransportRequest =>
  body === undefined ? request : { ...request, headers: { ...request.headers, 'content-encoding': 'gzip' }, body };
