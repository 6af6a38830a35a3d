/**
 * `sluice dlq retry`: puts letters into their queue again, or finds out what would come of it.
 */
import { asyncScheduler } from 'rxjs';
import { failed, misconfigured, printJson } from '../broker-session.ts';
import { EXIT } from '../exit-code.ts';
import { counted, oneLine } from '../print.ts';
import { type QueuePair, queuePair } from './copies.ts';
import { rehearseLetters } from './dry-run.ts';
import { type FilterOptions, NONE_ASKED_FOR, noting, readFilter, wrong } from './filter.ts';
import { renewedNote } from './ls.ts';
import { Progress } from './progress.ts';
import { parseRate, RATE_EXPECTED } from './rate.ts';
import { type Replayed, replayLetters } from './replay-letters.ts';
import { withNames, withSession } from './session.ts';

export interface RetryOptions extends FilterOptions {
  readonly rate: string;
  readonly dryRun?: boolean;
  readonly pipelines: string;
  readonly json?: boolean;
  /** What it fails with where none is among those asked for. Default: that is no failure. */
  readonly whenNone?: string;
}

export async function retry(name: string, options: RetryOptions): Promise<number> {
  const read = readFilter(options, asyncScheduler.now(), { needsOne: true });
  const everyMs = parseRate(options.rate);
  const problems = [
    ...(typeof read === 'function' ? [] : read),
    ...(everyMs === undefined ? [wrong('--rate', `expected ${RATE_EXPECTED}, got "${options.rate}"`)] : []),
  ];
  if (problems.length > 0 || typeof read !== 'function' || everyMs === undefined) return misconfigured(problems);
  const pair = queuePair(name);
  const asked = noting(read, options);
  if (options.dryRun === true) return rehearseLetters(pair, asked, options);
  return withSession(async (session) => {
    const progress = new Progress();
    const replayed = await replayLetters(session, pair, {
      filter: asked.filter,
      everyMs,
      onProgress: ({ retried, matched }) =>
        progress.say(() => `retried ${retried}; ${matched} of the letters looked at so far are to be`),
    });
    progress.end();
    if (options.json === true) printJson({ queue: pair.dead, workQueue: pair.work, ...replayed });
    // Where none was found for a reason, the reason is told alone.
    else if (replayed.matched > 0 || (replayed.failure ?? options.whenNone) === undefined) report(pair, replayed);
    if (replayed.failure !== undefined) return failed(withNames(replayed.failure));
    if (replayed.isCutShort) return EXIT.cutShort;
    if (replayed.matched === 0 && options.whenNone !== undefined) return failed(options.whenNone);
    const absent = asked.missing(pair.dead);
    if (absent !== undefined) return failed(absent);
    return replayed.unsendable > 0 ? EXIT.failed : EXIT.ok;
  });
}

function report({ dead, work }: QueuePair, { looked, matched, retried, ...rest }: Replayed): void {
  const { renewed, unsendable, inDoubt, isCutShort } = rest;
  const places = `${oneLine(dead)} → ${oneLine(work)}`;
  const asked = matched === 0 ? NONE_ASKED_FOR : `retried ${retried} of ${matched} asked for`;
  console.log(`${places}: ${asked}, ${counted(looked, 'letter')} looked at`);
  if (isCutShort) console.log('  stopped as asked; the others are where they were');
  if (unsendable > 0)
    console.log(`  ${counted(unsendable, 'letter')} cannot be sent as they are and stay; see sluice dlq show`);
  if (inDoubt > 0) console.log(`  ${counted(inDoubt, 'letter')} may be in both queues: the message ids are the same`);
  if (renewed > 0) console.log(`  ${renewedNote(renewed)}`);
}
