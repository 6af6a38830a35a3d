/**
 * Failures that tell nothing of whoever is called: of calls that never left, their time over while they waited for their turn, and of those
 * whose broker was away. Neither breaker nor throttle counts them.
 */
import { errorMark } from './error-mark.ts';

export const { put: markTellingNothing, isOn: tellsNothing } = errorMark();
