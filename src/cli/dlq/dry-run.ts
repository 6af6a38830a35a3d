/** `sluice dlq retry --dry-run`: what today's code makes of the letters, as far as that can be known without calling an API. */
import pc from 'picocolors';
import type { Pipeline } from '../../pipeline/define-pipeline.ts';
import { loadPipelines } from '../../worker/load-pipelines.ts';
import { misconfigured, printJson } from '../broker-session.ts';
import { EXIT } from '../exit-code.ts';
import { counted, oneLine, shortened } from '../print.ts';
import { type QueuePair, retryOf } from './copies.ts';
import type { Filter } from './filter.ts';
import { fingerprintOf } from './fingerprint.ts';
import { lookThrough } from './look-through.ts';
import { Progress } from './progress.ts';
import { type Rehearsal, rehearseWith } from './rehearse.ts';
import { withSession } from './session.ts';

export interface DryRunOptions {
  readonly pipelines: string;
  readonly json?: boolean;
}

export async function rehearseLetters(pair: QueuePair, filter: Filter, options: DryRunOptions): Promise<number> {
  const { pipelines, problems, dispose } = await loadPipelines(options.pipelines);
  try {
    const pipeline = pipelines.find(({ source }) => source.name === pair.work);
    if (problems.length > 0) return misconfigured(problems);
    if (pipeline === undefined) {
      const there = pipelines.map(({ source }) => source.name).join(', ');
      const message = `no pipeline of ${options.pipelines} takes messages from queue "${pair.work}"; there are pipelines for ${there}`;
      return misconfigured([{ subject: 'dlq', path: '--dry-run', message }]);
    }
    return await rehearseAll(pair, filter, pipeline, options.json === true);
  } finally {
    await dispose();
  }
}

async function rehearseAll(pair: QueuePair, filter: Filter, pipeline: Pipeline, isJson: boolean): Promise<number> {
  const rehearse = rehearseWith(pipeline);
  const progress = new Progress();
  const tally = new Tally();
  return withSession(async (session) => {
    await lookThrough(session, pair, async (delivery, letter): Promise<'left'> => {
      if (filter(letter)) {
        tally.add(await rehearse(retryOf(delivery, letter, pair)));
        progress.say(() => `rehearsed ${counted(tally.letters, 'letter')}`);
      }
      return 'left';
    });
    progress.end();
    if (isJson) printJson({ queue: pair.dead, workQueue: pair.work, pipeline: pipeline.name, ...tally.toJson() });
    else tally.print(pair, pipeline);
    return session.stop.aborted ? EXIT.cutShort : EXIT.ok;
  });
}

interface Kind {
  readonly text: string;
  letters: number;
}

/** Kinds of outcome kept apart. */
const MAX_KINDS = 200;
const OTHERS = 'others';
const MESSAGE_WIDTH = 100;

class Tally {
  readonly #calls = new Map<string, Kind>();
  readonly #failures = new Map<string, Kind>();
  #done = 0;
  #called = 0;
  #failed = 0;
  #delayed = 0;
  #open = 0;

  get letters(): number {
    return this.#accepted + this.#failed + this.#delayed + this.#open;
  }

  get #accepted(): number {
    return this.#done + this.#called;
  }

  add(rehearsal: Rehearsal): void {
    switch (rehearsal.kind) {
      case 'done':
        this.#done++;
        return;
      case 'open':
        this.#open++;
        return;
      case 'call':
        this.#called++;
        count(this.#calls, rehearsal.call, rehearsal.call);
        return;
      case 'failed': {
        const { code, stage, message, isTransient } = rehearsal;
        if (isTransient) this.#delayed++;
        else this.#failed++;
        count(this.#failures, fingerprintOf(code, stage, message), `${stage} ${code} ${message}`);
      }
    }
  }

  print({ dead }: QueuePair, { name }: Pipeline): void {
    const all = this.letters;
    console.log(
      `${oneLine(dead)} against pipeline ${name} as it is now; no API was called, nothing published or settled`,
    );
    if (all === 0) {
      console.log('no letter is among those asked for');
      return;
    }
    console.log(
      pc.bold(`${this.#accepted} of ${all} would now be accepted, as far as that is known without calling an API`),
    );
    if (this.#done > 0) console.log(`  ${counted(this.#done, 'letter')}: to the end, without a call`);
    for (const { text, letters } of largestFirst(this.#calls))
      console.log(`  ${counted(letters, 'letter')}: up to a first call, whose answer is not known: ${oneLine(text)}`);
    if (this.#failed > 0) console.log(`${this.#failed} would be dead-lettered again`);
    if (this.#delayed > 0) console.log(`${this.#delayed} would fail and be tried again later`);
    for (const { text, letters } of largestFirst(this.#failures))
      console.log(`  ${counted(letters, 'letter')}: ${shortened(oneLine(text), MESSAGE_WIDTH)}`);
    if (this.#open > 0) console.log(`${this.#open} came neither to an end nor to a call within 2 s: not known`);
  }

  toJson(): object {
    return {
      letters: this.letters,
      accepted: this.#accepted,
      acceptedToTheEnd: this.#done,
      acceptedUpToACall: this.#called,
      refused: this.#failed,
      triedAgainLater: this.#delayed,
      notKnown: this.#open,
      calls: largestFirst(this.#calls).map(({ text, letters }) => ({ call: text, letters })),
      failures: largestFirst(this.#failures).map(({ text, letters }) => ({ failure: text, letters })),
    };
  }
}

function count(kinds: Map<string, Kind>, key: string, text: string): void {
  const kind = kinds.get(key);
  if (kind !== undefined) kind.letters++;
  else if (kinds.size < MAX_KINDS || key === OTHERS) kinds.set(key, { text, letters: 1 });
  else count(kinds, OTHERS, OTHERS);
}

const largestFirst = (kinds: ReadonlyMap<string, Kind>): Kind[] =>
  [...kinds.values()].sort((one, other) => other.letters - one.letters);
