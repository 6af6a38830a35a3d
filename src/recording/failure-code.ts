/** What a request that got no answer is told by in a recording: the code that its replay fails with again. */
import { TransportError, type TransportFault } from '../http/transport.ts';

/** For failures that carry none. */
const CODES: Readonly<Record<TransportFault, string>> = {
  network: 'ECONNRESET',
  stale: 'ECONNRESET',
  size: 'ERR_BUFFER_TOO_LARGE',
  response: 'HPE_INVALID_CONSTANT',
  request: 'UND_ERR_INVALID_ARG',
  carrier: 'ERR_BROKER_UNAVAILABLE',
};

/** `ERR_INTERCEPTOR` for what an author's interceptor threw: no recording can repeat it. */
export function failureCodeOf(error: unknown): string {
  if (!(error instanceof TransportError)) return 'ERR_INTERCEPTOR';
  const [, code] = /\(([A-Z][A-Z0-9_]+)\)$/.exec(error.message) ?? [];
  return code ?? CODES[error.fault];
}
