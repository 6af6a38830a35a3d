/** Values are held against authors' schemas at once, on the way of a message: one that waits is a mistake of its author. */
import { z } from 'zod';

/** @throws TypeError that says whose schema waits; whatever else a refinement or a transform throws. */
export function parseNow<T>(schema: z.ZodType<T>, value: unknown, whose: string): z.ZodSafeParseResult<T> {
  try {
    return schema.safeParse(value);
  } catch (error) {
    if (error instanceof z.core.$ZodAsyncError)
      throw new TypeError(
        `${whose} waits for a promise (an async refine or transform): ask for it in the handle instead`,
      );
    throw error;
  }
}
