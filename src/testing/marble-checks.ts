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
  #isOver = false;

  /**
   * `askedBy`: the function the test called; the stack of a failure begins at its caller.
   * @throws TypeError when the test is over: nobody would ask.
   */
  add(askedBy: (...args: never[]) => unknown, difference: () => string | undefined): void {
    this.#push(askedBy, difference);
  }

  /** Something is about to be expected: fails with this text unless what is given back is called. */
  begin(askedBy: (...args: never[]) => unknown, unfinished: string): () => void {
    const begun = this.#push(askedBy, () => unfinished);
    return () => {
      this.#checks = this.#checks.filter((check) => check !== begun);
    };
  }

  /** The test is over: nothing can be expected any more. */
  close(): void {
    this.#isOver = true;
  }

  #push(askedBy: (...args: never[]) => unknown, difference: () => string | undefined): Check {
    if (this.#isOver)
      throw new TypeError(
        'the test is over, and what it expects now would be checked by nobody: expect it before its body is done, and in advancing(…) await what comes before',
      );
    const site = {};
    Error.captureStackTrace(site, askedBy);
    const check = { difference, site };
    this.#checks.push(check);
    return check;
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
