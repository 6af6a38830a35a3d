/** `sluice dlq drop`: letters are gone for good. Asked for by a filter and agreed to with their number in sight. */
import { asyncScheduler } from 'rxjs';
import type { HeldDelivery } from '../../broker/dead-letters.ts';
import { failed, misconfigured, printJson } from '../broker-session.ts';
import { EXIT } from '../exit-code.ts';
import { counted, oneLine } from '../print.ts';
import { isConfirmed, isTerminal } from './ask.ts';
import { queuePair } from './copies.ts';
import { type FilterOptions, NONE_ASKED_FOR, noting, readFilter, wrong } from './filter.ts';
import { lookThrough } from './look-through.ts';
import { renewedNote } from './ls.ts';
import { withSession } from './session.ts';

export interface DropOptions extends FilterOptions {
  readonly yes?: boolean;
  readonly json?: boolean;
}

export async function drop(name: string, options: DropOptions): Promise<number> {
  const read = readFilter(options, asyncScheduler.now(), { needsOne: true });
  const { yes = false, json = false } = options;
  const problems = [
    ...(typeof read === 'function' ? [] : read),
    ...(yes || isTerminal() ? [] : [wrong('--yes', 'is needed where there is no terminal to ask on')]),
  ];
  if (problems.length > 0 || typeof read !== 'function') return misconfigured(problems);
  const { filter, missing } = noting(read, options);
  const pair = queuePair(name);

  return withSession(async (session) => {
    const { stop } = session;
    // Tags alone: the bodies of what is held are not kept.
    const holds: HeldDelivery['hold'][] = [];
    let dropped = 0;
    let isAgreed = yes;
    const look = await lookThrough(
      session,
      pair,
      ({ hold }, letter) => {
        if (!filter(letter)) return 'left';
        holds.push(hold);
        return 'taken';
      },
      {
        beforeEnd: async ({ looked }) => {
          if (stop.aborted || holds.length === 0) return;
          const question = `Drop ${holds.length} of the ${counted(looked, 'letter')} of ${oneLine(pair.dead)} for good?`;
          isAgreed ||= await isConfirmed(question, stop);
          if (!isAgreed || stop.aborted) return;
          for (const hold of holds) if (hold.ack() === 'sent') dropped++;
        },
      },
    );
    const { looked, renewed } = look;
    if (json)
      printJson({ queue: pair.dead, letters: look.visit.ready, looked, matched: holds.length, dropped, renewed });
    else console.log(`${oneLine(pair.dead)}: ${saying(dropped, holds.length)}, ${counted(looked, 'letter')} looked at`);
    if (renewed > 0 && !json) console.log(`  ${renewedNote(renewed)}`);
    if (stop.aborted) return EXIT.cutShort;
    const absent = missing(pair.dead);
    if (absent !== undefined) return failed(absent);
    return dropped === holds.length ? EXIT.ok : EXIT.failed;
  });
}

const saying = (dropped: number, matched: number): string =>
  matched === 0 ? NONE_ASKED_FOR : `dropped ${dropped} of ${matched} asked for`;
