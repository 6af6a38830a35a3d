/**
 * One attempt of one call: what came back instead of an answer.
 * In dead letters with the stage `handle`, as the error or, where it was tried again, as the cause of ERR_RETRY_EXHAUSTED.
 */
import { SluiceError, type SluiceErrorOptions } from './sluice-error.ts';

interface CallFacts {
  readonly api: string;
  /** `POST /charge`: method and path template; `ASK quote` of a service. */
  readonly operation: string;
}

abstract class CallError extends SluiceError {
  readonly api: string;
  readonly operation: string;

  constructor({ api, operation }: CallFacts, message: string, options?: SluiceErrorOptions) {
    super(`${api} ${operation}: ${message}`, options);
    this.api = api;
    this.operation = operation;
  }
}

/** Statuses worth another attempt: request timeout, too early, too many requests, and the server's own failures. */
const isTransientStatus = (status: number): boolean =>
  status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501 && status !== 505);

/**
 * The API answered, with a status outside 2xx.
 * @remedy A 4xx: the request or the credentials are wrong; look at the call in the message's story. A 5xx or 429: the API is in trouble or over
 * its limit; messages wait, and `rateLimit` or `concurrency` can be lowered.
 */
export class HttpStatusError extends CallError {
  readonly code = 'ERR_HTTP_STATUS';
  override readonly isTransient: boolean;
  readonly status: number;
  /** Pause the API asked for (`Retry-After`), in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(call: CallFacts, status: number, retryAfterMs?: number) {
    super(call, `answered ${status}`);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
    this.isTransient = isTransientStatus(status);
  }
}

/** What a service answered in place of a result. */
interface ServiceFailure {
  readonly status: number;
  readonly errorCode: string | undefined;
  readonly retryAfterMs: number | undefined;
}

/**
 * A service answered that it could not do what it was asked, or dead-lettered the request.
 * @remedy With 422 the service gave the request up for good; `errorCode`, where it names one, says why, and its own dead letters say more. With
 * 429 or a 5xx it is in trouble, or had no try left for what may pass, and the message waits.
 */
export class ServiceFailedError extends CallError {
  readonly code = 'ERR_SERVICE_FAILED';
  override readonly isTransient: boolean;
  /** As of HTTP: what the service said; of a request that it dead-lettered 422, or 503 where what failed may pass; 500 where it named none. */
  readonly status: number;
  /** The code the service gave for its error, as `ERR_PAYLOAD_INVALID`. */
  readonly errorCode: string | undefined;
  /** Pause the service asked for (`retry-after`), in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(call: CallFacts, { status, errorCode, retryAfterMs }: ServiceFailure) {
    super(call, `failed with ${status}${errorCode === undefined ? '' : ` (${errorCode})`}`);
    this.status = status;
    this.errorCode = errorCode;
    this.retryAfterMs = retryAfterMs;
    this.isTransient = isTransientStatus(status);
  }
}

/**
 * The call did not end in time: waiting for a slot, connecting and the whole body included. The API may have acted.
 * @remedy Look at the API's latency and at how long calls wait for a slot; raise `timeout`, or lower `concurrency` where the API is overloaded.
 */
export class CallTimeoutError extends CallError {
  readonly code = 'ERR_CALL_TIMEOUT';
  override readonly isTransient = true;
  readonly timeoutMs: number;

  constructor(call: CallFacts, timeoutMs: number) {
    super(call, `no complete answer within ${timeoutMs} ms`);
    this.timeoutMs = timeoutMs;
  }
}

/**
 * Refused, reset, not resolved. The API may have acted.
 * @remedy Look at name, port, certificate and network between worker and API; the message and its cause name the reason.
 */
export class NetworkError extends CallError {
  readonly code = 'ERR_NETWORK';
  override readonly isTransient = true;
}

/**
 * The answer is not what was declared: no JSON, or not the response schema.
 * @remedy The API answers otherwise than was agreed: mend the `response` schema or the API, then `sluice dlq retry`.
 */
export class ResponseInvalidError extends CallError {
  readonly code = 'ERR_RESPONSE_INVALID';
}

/**
 * The answer is larger than `maxResponseBytes`.
 * @remedy Ask for less (pages, fields), or raise `maxResponseBytes`, which bounds memory.
 */
export class ResponseTooLargeError extends CallError {
  readonly code = 'ERR_RESPONSE_TOO_LARGE';
  readonly maxBytes: number;

  constructor(call: CallFacts, maxBytes: number) {
    super(call, `answer exceeds ${maxBytes} bytes`);
    this.maxBytes = maxBytes;
  }
}

/**
 * The request cannot be sent as it is: a path outside the base URL, a header value no header may hold, a body JSON cannot carry.
 * @remedy A mistake of the handle, or a value of the message that fits no path or header: mend it, then `sluice dlq retry`.
 */
export class RequestInvalidError extends CallError {
  readonly code = 'ERR_REQUEST_INVALID';
}
