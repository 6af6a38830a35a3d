/** What a failed call says about the other side: whether anything was done there. */
import { PermanentError, TransientError } from './author.ts';
import { HttpStatusError, RequestInvalidError } from './call.ts';
import { SluiceError } from './sluice-error.ts';

const REJECTION_CODES: ReadonlySet<string> = new Set([
  'ERR_BULKHEAD_REJECTED',
  'ERR_CIRCUIT_OPEN',
  'ERR_THROTTLED',
  'ERR_RATE_LIMIT_REJECTED',
  'ERR_BATCH_REJECTED',
]);

/** Whether a cause says that the call was turned away on this side: nothing ran, so it tells nothing of the other side. */
export function isRejection(cause: unknown): boolean {
  return cause instanceof SluiceError && REJECTION_CODES.has(cause.code);
}

/**
 * Whether a cause says that nothing was done on the other side: it refused (4xx), or the call never left, or the author says so by an
 * error of his own choice. Anything else, a timeout, a lost answer, a 5xx, an answer that cannot be read, leaves the effect in doubt.
 */
export function isRefusal(cause: unknown): boolean {
  if (cause instanceof HttpStatusError) return cause.status >= 400 && cause.status < 500;
  return (
    isRejection(cause) ||
    cause instanceof RequestInvalidError ||
    cause instanceof PermanentError ||
    cause instanceof TransientError
  );
}
