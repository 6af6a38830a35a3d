/**
 * Diagrams read from text. The grammar is that of RxJS in run mode, whose own parser does the reading; what that one takes in silence
 * (a symbol without a value, a group that is never closed, a time that is none) is refused here, with the place in the text.
 */
import { TestScheduler } from 'rxjs/testing';
import type { MarbleMessage, MarbleSubscription } from './marble-expectation.ts';

/** A diagram that says nothing, or not what its author means. */
export class MarbleSyntaxError extends SyntaxError {
  override readonly name = 'MarbleSyntaxError';
  readonly code = 'ERR_MARBLE_SYNTAX';
  readonly diagram: string;
  /** Where in the diagram, from 0. */
  readonly column: number;

  constructor(subject: string, problem: string, diagram: string, column: number) {
    super(`${subject}: ${problem}\n  ${diagram}\n  ${' '.repeat(column)}^`);
    this.diagram = diagram;
    this.column = column;
  }
}

export interface DiagramRules {
  /** Marks with a meaning of their own that are allowed here. Default: `|#`. */
  readonly marks?: string;
  /** Whether each symbol needs a value. Default: where values are given. */
  readonly needsValues?: boolean;
}

const TIME = /^\d+(?:\.\d+)?(?:ms|s|m)(?= )/;
/** What its author certainly meant as a time. */
const MEANT_AS_TIME = /^\d+(?:\.\d+)?(?:ms|s|m|h|d)(?![A-Za-z0-9])/;

/**
 * The notifications of a diagram, each with its frame.
 * @param subject what the diagram is for, as the error names it.
 * @throws MarbleSyntaxError with the place.
 */
export function parseDiagram(
  subject: string,
  diagram: string,
  values?: unknown,
  error?: unknown,
  rules: DiagramRules = {},
): readonly MarbleMessage[] {
  const { marks = '|#', needsValues = typeof values === 'object' && values !== null } = rules;
  const hasValue = (symbol: string): boolean =>
    !needsValues || (typeof values === 'object' && values !== null && symbol in values);
  checkDiagram(subject, diagram, (symbol) => {
    if ('|#^!'.includes(symbol)) return marks.includes(symbol) ? undefined : `"${symbol}" means nothing here`;
    if (hasValue(symbol)) return undefined;
    return `no value is given for "${symbol}"${/\d/.test(symbol) ? '; a time has a space on both sides: " 5s "' : ''}`;
  });
  return inMilliseconds(() => TestScheduler.parseMarbles(endingInSpace(diagram), values, error, false, true));
}

/** @throws MarbleSyntaxError with the place. */
export function parseSubscription(subject: string, diagram: string): MarbleSubscription {
  checkDiagram(subject, diagram, (symbol) =>
    '^!'.includes(symbol) ? undefined : `a subscription is drawn with "^", "!" and time alone, not with "${symbol}"`,
  );
  for (const mark of ['^', '!'])
    if (diagram.indexOf(mark) !== diagram.lastIndexOf(mark))
      throw new MarbleSyntaxError(subject, `a second "${mark}"`, diagram, diagram.lastIndexOf(mark));
  return inMilliseconds(() => TestScheduler.parseMarblesAsSubscriptions(endingInSpace(diagram), true));
}

/** A time is told by the space after it, and a diagram may end in one. */
export const endingInSpace = (diagram: string): string => `${diagram} `;

/* eslint-disable @typescript-eslint/no-deprecated -- the parser is static, and has no other way to be told */
/** A frame is a millisecond inside a scheduler's run, and ten outside of one. */
function inMilliseconds<T>(parse: () => T): T {
  const { frameTimeFactor } = TestScheduler;
  TestScheduler.frameTimeFactor = 1;
  try {
    return parse();
  } finally {
    TestScheduler.frameTimeFactor = frameTimeFactor;
  }
}
/* eslint-enable @typescript-eslint/no-deprecated */

/** Walks a diagram as the parser will. `problemOf` judges each symbol. */
function checkDiagram(subject: string, diagram: string, problemOf: (symbol: string) => string | undefined): void {
  const refuse = (problem: string, column: number): never => {
    throw new MarbleSyntaxError(subject, problem, diagram, column);
  };
  if (typeof diagram !== 'string') throw new TypeError(`${subject}: expected a diagram, got ${String(diagram)}`);
  const text = endingInSpace(diagram);
  let opened: number | undefined;
  for (let at = 0; at < diagram.length; at++) {
    const symbol = String.fromCodePoint(diagram.codePointAt(at) ?? 0);
    const rest = text.slice(at);
    const isAfterSpace = at === 0 || text[at - 1] === ' ';
    const [time = ''] = isAfterSpace ? (TIME.exec(rest) ?? []) : [];
    if (time !== '') at += time.length - 1;
    else if (isAfterSpace && MEANT_AS_TIME.test(rest))
      refuse('a time is a number with ms, s or m, and a space on both sides', at);
    else if (symbol === '(') {
      if (opened !== undefined) refuse('a group inside a group', at);
      opened = at;
    } else if (symbol === ')') {
      if (opened === undefined) refuse('")" closes no group', at);
      opened = undefined;
    } else if (symbol !== ' ' && symbol !== '-') {
      const problem = problemOf(symbol);
      if (problem !== undefined) refuse(problem, at);
      at += symbol.length - 1;
    }
  }
  if (opened !== undefined) refuse('the group is never closed', opened);
}
