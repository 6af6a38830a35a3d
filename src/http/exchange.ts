/** What came of a request, as a value or a classified failure: what breaker and slots judge by. */
import { asyncScheduler } from 'rxjs';
import { readAnswer } from './answer.ts';
import type { CallSettings } from './api-settings.ts';
import type { CallRequest } from './call-request.ts';
import { callErrorOf, isAccepted, reclassified, serviceErrorOf, statusErrorOf } from './classify.ts';
import type { TransportResponse } from './transport.ts';

/**
 * The value that a response means.
 * @throws what is wrong with it, as the author classifies it; so too when the transport ended without one.
 */
export function answerOf(
  { call, options }: CallRequest,
  response: TransportResponse | undefined,
  { classify, destinationOf }: CallSettings,
): unknown {
  try {
    if (response === undefined) throw new TypeError('the transport ended without a response');
    const errorOf = destinationOf === undefined ? statusErrorOf : serviceErrorOf;
    if (!isAccepted(response)) throw errorOf(call, response, asyncScheduler.now());
    return readAnswer(call, response, options.response);
  } catch (error) {
    throw reclassified(error, classify);
  }
}

/** The failure that an error of the transport means. */
export const failureOf = (
  { call }: CallRequest,
  error: unknown,
  { classify, maxResponseBytes }: CallSettings,
): unknown => reclassified(callErrorOf(call, error, maxResponseBytes, asyncScheduler.now()), classify);
