/** What must hold when time has run out, kept until then, and told all at once. */
import { AssertionError } from 'node:assert';

interface Check {
  /** Text of the difference, undefined when there is none. */
  readonly difference: () => string | undefined;
  /** Where in the test it was asked for. */
  readonly site: { stack?: string };
}

export class Checks {
  #checks: Check[] = [];

  /** `askedBy`: the function the test called; the stack of a failure begins at its caller. */
  add(askedBy: (...args: never[]) => unknown, difference: () => string | undefined): void {
    const site = {};
    Error.captureStackTrace(site, askedBy);
    this.#checks.push({ difference, site });
  }

  /**
   * Asks all of them, once.
   * @param others what is wrong beside them: told first.
   * @param hints told last, if anything is wrong.
   * @throws AssertionError with every difference; its stack begins where the first check that failed was asked for.
   */
  verify(others: readonly string[] = [], hints: readonly string[] = []): void {
    const checks = this.#checks;
    this.#checks = [];
    const failed = checks.flatMap(({ difference, site }) => {
      const text = difference();
      return text === undefined ? [] : [{ text, site }];
    });
    const texts = [...others, ...failed.map(({ text }) => text)];
    if (texts.length === 0) return;
    const error = new AssertionError({ message: [...texts, ...hints].join('\n\n') });
    const [, ...frames] = (failed[0]?.site.stack ?? '').split('\n');
    error.stack = [`${error.name}: ${error.message}`, ...frames].join('\n');
    throw error;
  }
}
