/** Values are held against authors' schemas at once, on the way of a message: one that waits is a mistake of its author, and one that would keep the thread is given up. */
import { asyncScheduler } from 'rxjs';
import { z } from 'zod';
import { runWithin } from './parse-watch.ts';
import { watchOf } from './schema-watch.ts';

/**
 * A value on which a pattern of the schema has more to try than there is time for does not fit.
 * @throws TypeError that says whose schema waits; whatever else a refinement or a transform throws.
 */
export function parseNow<T>(schema: z.ZodType<T>, value: unknown, whose: string): z.ZodSafeParseResult<T> {
  try {
    const watch = watchOf(schema);
    const beganMs = asyncScheduler.now();
    const time = watch.timeFor(value, beganMs);
    if (time === undefined) return schema.safeParse(value);
    const result = parseWithin(time.limitMs, schema, value)?.() ?? givenUp<T>();
    const endedMs = asyncScheduler.now();
    if (result.success) watch.learnSound(endedMs - beganMs, time);
    else watch.learnRefused(endedMs - beganMs, endedMs);
    return result;
  } catch (error) {
    if (error instanceof z.core.$ZodAsyncError)
      throw new TypeError(
        `${whose} waits for a promise (an async refine or transform): ask for it in the handle instead`,
      );
    throw error;
  }
}

/** What came of it, which may be an error; undefined where it was given up. */
function parseWithin<T>(
  limitMs: number,
  schema: z.ZodType<T>,
  value: unknown,
): (() => z.ZodSafeParseResult<T>) | undefined {
  let result: (() => z.ZodSafeParseResult<T>) | undefined;
  const isDone = runWithin(limitMs, () => {
    try {
      const parsed = schema.safeParse(value);
      result = () => parsed;
    } catch (error) {
      result = () => {
        throw error;
      };
    }
  });
  return isDone ? result : undefined;
}

/** What an issue says of a value that was given up. It names nothing of it. */
export const TOO_SLOW = 'takes too long to be checked: a pattern of the schema backtracks on it';

const givenUp = <T>(): z.ZodSafeParseResult<T> => ({
  success: false,
  error: new z.ZodRealError([{ code: 'custom', path: [], message: TOO_SLOW }]) as z.ZodError<T>,
});
