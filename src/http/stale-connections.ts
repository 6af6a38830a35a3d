/**
 * Failures of requests that went over a connection that has answered before, and ended without a word of an answer: the server may have given the
 * connection up while the request was on its way.
 */
import { errorMark } from './error-mark.ts';

export const { put: markStale, isOn: isStale } = errorMark();
