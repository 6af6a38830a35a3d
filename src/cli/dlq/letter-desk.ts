/**
 * The dashboard's desk for dead letters: the same work as that of `sluice dlq`, with a connection of its own for each piece of it. One at a
 * time: letters that are held for one look are missing in another.
 */
import { asyncScheduler } from 'rxjs';
import { openDeadLetters } from '../../broker/amqp/open-dead-letters.ts';
import type { HeldDelivery } from '../../broker/dead-letters.ts';
import type { LetterChoice, LetterDesk } from '../../dashboard/letter-desk.ts';
import { openBody, type PayloadsShown, showBody } from '../../dashboard/redact.ts';
import type { DryRun, LetterGroup, LetterList, LetterView, Replay, ReplayUnderWay } from '../../dashboard/wire.ts';
import { messageOf, SluiceError, TransientError } from '../../errors.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import type { Random } from '../../policies/random.ts';
import type { BrokerSecurity } from '../broker-security.ts';
import { queuePair, retryOf } from './copies.ts';
import type { Filter } from './filter.ts';
import { Groups } from './groups.ts';
import type { Letter } from './letter.ts';
import { lookThrough } from './look-through.ts';
import { RehearsalTally } from './rehearsal-tally.ts';
import { rehearseWith } from './rehearse.ts';
import { type ReplayOptions, replayLetters } from './replay-letters.ts';
import type { Session } from './session.ts';

export interface LetterDeskOptions {
  readonly urls: () => readonly string[];
  readonly security: BrokerSecurity;
  readonly random: Random;
  readonly payloads: PayloadsShown;
  /** The pipeline that takes from a queue now. */
  readonly pipelineOf: (queue: string) => Pipeline | undefined;
}

/** Letters looked at in each queue, for a list. */
const LOOKED_AT = 5_000;
/** Pieces of work that may wait for the one under way. */
const MAX_WAITING = 4;

export interface OwnLetterDesk extends LetterDesk {
  /** Puts the dead letter of one message into its work queue again. */
  giveBack(queue: string, messageId: string): Promise<Replay>;
}

export function createLetterDesk({ urls, security, random, payloads, pipelineOf }: LetterDeskOptions): OwnLetterDesk {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let underWay: ReplayUnderWay | undefined;

  const inTurn = async <Result>(work: (session: Session) => Promise<Result>): Promise<Result> => {
    if (waiting > MAX_WAITING) throw new TransientError('others look at the dead letters just now; try again');
    waiting++;
    const turn = last.then(() => withSession(work));
    last = turn.then(
      () => undefined,
      () => undefined,
    );
    try {
      return await turn;
    } finally {
      waiting--;
    }
  };

  const withSession = async <Result>(work: (session: Session) => Promise<Result>): Promise<Result> => {
    const stop = new AbortController();
    // A broker that takes no messages would be waited for: whoever asked is told instead.
    const office = await openDeadLetters({ urls: urls(), ...security, random, onBlocked: () => stop.abort() });
    try {
      return await work({ office, stop: stop.signal });
    } finally {
      await office.close();
    }
  };

  return {
    list: (queues) => inTurn((session) => listAll(session, queues, pipelineOf)),
    show: (choice, max) => inTurn((session) => show(session, choice, max, payloads)),
    rehearse: (choice) => inTurn((session) => rehearse(session, choice, pipelineOf(choice.queue))),
    replay: (choice, perSecond) =>
      inTurn(async (session) => {
        const { queue, fingerprint } = choice;
        underWay = { queue, fingerprint, perSecond, letters: 0, looked: 0, replayed: 0 };
        try {
          return await replay(session, queue, filterOf(choice), perSecond, ({ letters, looked, retried }) => {
            underWay = { queue, fingerprint, perSecond, letters, looked, replayed: retried };
          });
        } finally {
          underWay = undefined;
        }
      }),
    replaying: () => underWay,
    giveBack: (queue, messageId) => inTurn((session) => replay(session, queue, ({ id }) => id === messageId, 50)),
  };
}

async function listAll(
  session: Session,
  queues: readonly string[],
  pipelineOf: LetterDeskOptions['pipelineOf'],
): Promise<LetterList> {
  const groups: LetterGroup[] = [];
  const gaps: string[] = [];
  let letters = 0;
  for (const queue of queues) {
    const found = new Groups();
    try {
      const { looked, visit } = await lookThrough(
        session,
        queuePair(queue),
        (_delivery, letter) => {
          found.add(letter);
          return 'left';
        },
        { max: LOOKED_AT },
      );
      letters += visit.ready;
      if (looked < visit.ready) gaps.push(`Of ${visit.ready} letters of ${queue}, ${looked} were looked at.`);
    } catch (error) {
      // One queue that is not there does not hide the others.
      if (!(error instanceof SluiceError)) throw error;
      gaps.push(`${queue}: ${messageOf(error)}`);
    }
    const pipeline = pipelineOf(queue)?.name ?? '';
    groups.push(...found.all().map(({ id: _id, ...group }) => ({ ...group, pipeline, queue })));
  }
  return { at: asyncScheduler.now(), letters, groups, gaps };
}

async function show(
  session: Session,
  choice: LetterChoice,
  max: number,
  payloads: PayloadsShown,
): Promise<readonly LetterView[]> {
  const views: LetterView[] = [];
  const isChosen = filterOf(choice);
  await lookThrough(
    session,
    queuePair(choice.queue),
    (delivery, letter) => {
      if (isChosen(letter)) views.push(viewOf(delivery, letter, payloads));
      return 'left';
    },
    { isEnough: () => views.length >= max },
  );
  return views;
}

function viewOf({ body, properties }: HeldDelivery, letter: Letter, payloads: PayloadsShown): LetterView {
  const { id, correlationId, code, stage, message, attempts, firstFailedAt, lastFailedAt, retries, bytes } = letter;
  const shown = showBody(openBody(body, properties.contentType, properties.contentEncoding), bytes, payloads);
  return {
    id,
    correlationId,
    code,
    stage,
    message,
    attempts,
    firstFailedAt,
    lastFailedAt,
    retries,
    bytes,
    body: shown,
  };
}

async function rehearse(session: Session, choice: LetterChoice, pipeline: Pipeline | undefined): Promise<DryRun> {
  if (pipeline === undefined) throw new TransientError(`no pipeline takes messages from ${choice.queue} now`);
  const pair = queuePair(choice.queue);
  const isChosen = filterOf(choice);
  const tally = new RehearsalTally();
  const rehearseOne = rehearseWith(pipeline);
  await lookThrough(session, pair, async (delivery, letter): Promise<'left'> => {
    if (isChosen(letter)) tally.add(await rehearseOne(retryOf(delivery, letter, pair)));
    return 'left';
  });
  const { letters, accepted, acceptedToTheEnd, refused, triedAgainLater, notKnown, calls, failures } = tally.counts();
  const details = [
    ...(acceptedToTheEnd > 0 ? [{ text: 'handled to the end, without a call', letters: acceptedToTheEnd }] : []),
    ...calls.map(({ call, letters: count }) => ({ text: `handled up to a first call, ${call}`, letters: count })),
    ...failures.map(({ failure, letters: count }) => ({ text: failure, letters: count })),
  ];
  return { letters, accepted, refused, triedAgainLater, notKnown, details };
}

async function replay(
  session: Session,
  queue: string,
  filter: Filter,
  perSecond: number,
  onProgress?: ReplayOptions['onProgress'],
): Promise<Replay> {
  const { matched, retried, inDoubt, unsendable, failure, isCutShort } = await replayLetters(
    session,
    queuePair(queue),
    { filter, everyMs: 1_000 / perSecond, ...(onProgress === undefined ? {} : { onProgress }) },
  );
  const cut = isCutShort ? 'the broker takes no messages just now; the others are where they were' : undefined;
  return { matched, replayed: retried, inDoubt, unsendable, failure: failure ?? cut };
}

const filterOf =
  ({ fingerprint, ids }: LetterChoice): Filter =>
  (letter) =>
    letter.fingerprint === fingerprint && (ids === undefined || ids.includes(letter.id));
