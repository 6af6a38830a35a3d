/** `sluice dlq ls`: what lies in the dead-letter queues, grouped by what went wrong. */
import pc from 'picocolors';
import { asyncScheduler } from 'rxjs';
import { TopologyError } from '../../errors.ts';
import { misconfigured, printJson } from '../broker-session.ts';
import { EXIT } from '../exit-code.ts';
import { loadDefined } from '../load.ts';
import { age, counted, oneLine, shortened, table } from '../print.ts';
import { type QueuePair, queuePair } from './copies.ts';
import { type Group, Groups } from './groups.ts';
import { lookThrough } from './look-through.ts';
import { ASKED, isMissing, isoTime, type Session, withSession } from './session.ts';

export interface LsOptions {
  readonly pipelines: string;
  readonly limit: number;
  readonly json?: boolean;
}

interface Listing {
  readonly pair: QueuePair;
  /** Letters ready when they were read; undefined where they could not be. */
  readonly letters: number | undefined;
  /** The broker's refusal, which it gives before it looks whether there is such a queue. */
  readonly refusal?: string;
  readonly looked: number;
  readonly renewed: number;
  readonly groups: readonly Group[];
}

const MESSAGE_WIDTH = 80;

export async function ls(names: readonly string[], options: LsOptions): Promise<number> {
  const pairs = await pairsOf(names, options.pipelines);
  if (typeof pairs === 'number') return pairs;
  return withSession(async (session) => {
    const listings: Listing[] = [];
    for (const pair of pairs) {
      if (session.stop.aborted) break;
      listings.push(await list(session, pair, options.limit));
    }
    if (options.json === true) printJson({ broker: session.office.address, queues: listings.map(toJson) });
    else print(listings, names.length > 0 ? ASKED : 'a worker declares it at its start');
    const isUntold = listings.some(
      ({ letters, refusal }) => letters === undefined && (refusal !== undefined || names.length > 0),
    );
    if (session.stop.aborted) return EXIT.cutShort;
    return isUntold ? EXIT.failed : EXIT.ok;
  });
}

/** The queues named, or those of every pipeline of the folder; an exit code where the folder cannot be loaded. */
async function pairsOf(names: readonly string[], folder: string): Promise<readonly QueuePair[] | number> {
  if (names.length > 0) return names.map(queuePair);
  const { pipelines, problems, dispose } = await loadDefined(folder);
  await dispose();
  if (problems.length > 0) return misconfigured(problems);
  return pipelines.map(({ source }) => queuePair(source.name));
}

async function list(session: Session, pair: QueuePair, limit: number): Promise<Listing> {
  const groups = new Groups();
  try {
    const look = await lookThrough(
      session,
      pair,
      (_delivery, letter) => {
        groups.add(letter);
        return 'left';
      },
      { max: limit },
    );
    return { pair, letters: look.visit.ready, looked: look.looked, renewed: look.renewed, groups: groups.all() };
  } catch (error) {
    if (!(error instanceof TopologyError) || groups.letters > 0) throw error;
    const refusal = isMissing(error.message) ? {} : { refusal: error.message };
    return { pair, letters: undefined, looked: 0, renewed: 0, groups: [], ...refusal };
  }
}

/** @param missing What to do about a queue that is not there. */
function print(listings: readonly Listing[], missing: string): void {
  const now = asyncScheduler.now();
  for (const { pair, letters, refusal, looked, renewed, groups } of listings) {
    const dead = pc.bold(oneLine(pair.dead));
    if (letters === undefined) {
      console.log(`${dead}: ${refusal === undefined ? `there is no such queue; ${missing}` : oneLine(refusal)}`);
      continue;
    }
    const part = looked < letters ? `, ${looked} of them looked at` : '';
    console.log(`${dead}: ${letters === 0 ? 'no letters' : counted(letters, 'letter')}${part}`);
    if (renewed > 0) console.log(`  ${renewedNote(renewed)}`);
    if (groups.length === 0) continue;
    const rows = groups.map((group) => [
      String(group.letters),
      oneLine(group.code),
      oneLine(group.stage),
      group.fingerprint,
      age(group.oldestAt, now),
      age(group.newestAt, now),
      shortened(oneLine(group.message), MESSAGE_WIDTH),
    ]);
    const [heading = '', ...body] = table(
      ['LETTERS', 'CODE', 'STAGE', 'FINGERPRINT', 'OLDEST', 'NEWEST', 'MESSAGE'],
      rows,
    );
    console.log(`  ${pc.dim(heading)}`);
    for (const row of body) console.log(`  ${row}`);
  }
}

/** Why the order of the letters may have changed. */
export const renewedNote = (count: number): string =>
  `${counted(count, 'letter')} had been looked at so often that RabbitMQ 4 deletes ${count === 1 ? 'it' : 'them'} soon where a queue has no limit of its own: put into the queue anew, at its end`;

const toJson = ({ pair, letters, refusal, looked, renewed, groups }: Listing): object => ({
  queue: pair.dead,
  workQueue: pair.work,
  ...(refusal === undefined ? { exists: letters !== undefined } : { refusal }),
  letters: letters ?? 0,
  looked,
  renewed,
  groups: groups.map(({ oldestAt, newestAt, ...group }) => ({
    ...group,
    oldest: isoTime(oldestAt),
    newest: isoTime(newestAt),
  })),
});
