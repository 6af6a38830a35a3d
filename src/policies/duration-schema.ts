/** Durations in schemas: apart from the durations themselves, so that whoever reads only those loads no zod. */
import { z } from 'zod';
import { DURATION_EXPECTED, type Duration, isDuration } from './duration.ts';

/** Schema of a duration option, as `isDuration` takes it. */
export const durationSchema = ({ zero = false } = {}) =>
  z.custom<Duration>((value) => isDuration(value, { zero }), {
    error: `expected a duration ${zero ? 'of 0' : 'above 0'} to 24 days: ${DURATION_EXPECTED}`,
  });
