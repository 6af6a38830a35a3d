/** The answer to what a desk was asked. What cannot be done just now is the asker's to know; anything else is a defect, which the server logs. */
import { messageOf, SluiceError } from '../errors.ts';
import { jsonAnswer, refusal, type WholeAnswer } from '../management/route.ts';

export async function answered(work: Promise<unknown>): Promise<WholeAnswer> {
  try {
    return jsonAnswer(200, await work);
  } catch (error) {
    if (error instanceof SluiceError) return refusal(502, messageOf(error));
    throw error;
  }
}
