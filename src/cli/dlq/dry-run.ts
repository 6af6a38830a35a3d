/** `sluice dlq retry --dry-run`: what today's code makes of the letters, as far as that can be known without calling an API. */
import pc from 'picocolors';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { failed, misconfigured, printJson } from '../broker-session.ts';
import { EXIT } from '../exit-code.ts';
import { loadDefined } from '../load.ts';
import { counted, oneLine, shortened } from '../print.ts';
import { type QueuePair, retryOf } from './copies.ts';
import type { NotingFilter } from './filter.ts';
import { lookThrough } from './look-through.ts';
import { Progress } from './progress.ts';
import { type RehearsalCounts, RehearsalTally } from './rehearsal-tally.ts';
import { rehearseWith } from './rehearse.ts';
import { withSession } from './session.ts';

export interface DryRunOptions {
  readonly pipelines: string;
  readonly json?: boolean;
}

export async function rehearseLetters(pair: QueuePair, asked: NotingFilter, options: DryRunOptions): Promise<number> {
  const { pipelines, problems, dispose } = await loadDefined(options.pipelines);
  try {
    const pipeline = pipelines.find(({ source }) => source.name === pair.work);
    if (problems.length > 0) return misconfigured(problems);
    if (pipeline === undefined) {
      const there = pipelines.map(({ source }) => source.name).join(', ');
      const message = `no pipeline of ${options.pipelines} takes messages from queue "${pair.work}"; there are pipelines for ${there}; --pipelines names another folder`;
      return misconfigured([{ subject: 'dlq', path: '--dry-run', message }]);
    }
    return await rehearseAll(pair, asked, pipeline, options.json === true);
  } finally {
    await dispose();
  }
}

async function rehearseAll(
  pair: QueuePair,
  { filter, missing }: NotingFilter,
  pipeline: Pipeline,
  isJson: boolean,
): Promise<number> {
  const rehearse = rehearseWith(pipeline);
  const progress = new Progress();
  const tally = new RehearsalTally();
  return withSession(async (session) => {
    await lookThrough(session, pair, async (delivery, letter): Promise<'left'> => {
      if (filter(letter)) {
        tally.add(await rehearse(retryOf(delivery, letter, pair)));
        progress.say(() => `rehearsed ${counted(tally.letters, 'letter')}`);
      }
      return 'left';
    });
    progress.end();
    if (isJson) printJson({ queue: pair.dead, workQueue: pair.work, pipeline: pipeline.name, ...tally.counts() });
    else print(tally.counts(), pair, pipeline);
    if (session.stop.aborted) return EXIT.cutShort;
    const absent = missing(pair.dead);
    return absent === undefined ? EXIT.ok : failed(absent);
  });
}

const MESSAGE_WIDTH = 100;

function print(counts: RehearsalCounts, { dead }: QueuePair, { name }: Pipeline): void {
  const { letters: all, accepted, acceptedToTheEnd, refused, triedAgainLater, notKnown } = counts;
  console.log(
    `${oneLine(dead)} against pipeline ${name} as it is now; no API was called, nothing published or settled`,
  );
  if (all === 0) {
    console.log('no letter is among those asked for');
    return;
  }
  console.log(pc.bold(`${accepted} of ${all} would now be accepted, as far as that is known without calling an API`));
  if (acceptedToTheEnd > 0) console.log(`  ${counted(acceptedToTheEnd, 'letter')}: to the end, without a call`);
  for (const { call, letters } of counts.calls)
    console.log(`  ${counted(letters, 'letter')}: up to a first call, whose answer is not known: ${oneLine(call)}`);
  if (refused > 0) console.log(`${refused} would be dead-lettered again`);
  if (triedAgainLater > 0) console.log(`${triedAgainLater} would fail and be tried again later`);
  for (const { failure, letters } of counts.failures)
    console.log(`  ${counted(letters, 'letter')}: ${shortened(oneLine(failure), MESSAGE_WIDTH)}`);
  if (notKnown > 0) console.log(`${notKnown} came neither to an end nor to a call within 2 s: not known`);
}
