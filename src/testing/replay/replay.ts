/**
 * A recording told again by the pipelines of today: its messages go through the real engine in virtual time, its APIs answer as they did. What
 * differs is drawn, what happened is written as a marble spec.
 */
import type { Pipeline } from '../../pipeline/pipeline.ts';
import type { Recording } from '../../recording/recording.ts';
import { differencesOf } from './compare.ts';
import { perform, type Staging } from './perform.ts';
import { isReadByCodec, type Story, storiesOf, whyNot } from './story.ts';
import { TooManyValuesError } from './symbols.ts';
import { type SpecSubject, TooCloseError, writeSpec } from './write-spec.ts';

export interface ReplayOptions {
  /** The messages to replay, by their ids, with what comes of them; all where none is named. */
  readonly only: ReadonlySet<string>;
  /** Messages at most, the first ones, with what comes of them. */
  readonly maxMessages: number;
  /** How far apart the same moments may lie, in milliseconds. */
  readonly toleranceMs: number;
  readonly importOf: SpecSubject['importOf'];
}

/** A message that was not replayed. */
export interface LeftOut {
  readonly pipeline: string;
  readonly messageId: string;
  /** Of one message or of several, after a colon. */
  readonly why: string;
}

/** A message that went another way than when it was recorded. */
export interface Changed {
  readonly pipeline: string;
  readonly messageId: string;
  /** Each a diagram of the recording over one of the replay. */
  readonly differences: readonly string[];
}

export interface Replay {
  /** Messages that were replayed. */
  readonly messages: number;
  readonly leftOut: readonly LeftOut[];
  readonly changed: readonly Changed[];
  /** The text of a spec of what the replay did; or why there is none. */
  readonly spec: { readonly text: string } | { readonly why: string };
}

/** Why a message is left out that is none of those that are named. */
export const NOT_ASKED_FOR = 'not asked for';

/** Coarser where a finer one leaves two things too close for a diagram. */
const GRIDS_MS = [1, 10, 25, 50, 100];

/** Holds the recording, and one replay. Handles may return promises: then the clock of the whole process is replaced while it runs. */
export async function replay(
  { head, events }: Recording,
  pipelines: readonly Pipeline[],
  { only, maxMessages, toleranceMs, importOf }: ReplayOptions,
): Promise<Replay> {
  const leftOut: LeftOut[] = [];
  const stories: Story[] = [];
  const told = storiesOf(events);
  const results = new Set<string>();
  for (const story of told) {
    const state = { isAlong: results.has(story.messageId), taken: stories.length };
    const why = whyLeftOut(story, state, pipelines, { only, maxMessages });
    if (why === undefined) {
      stories.push(story);
      for (const { messageId } of story.results) results.add(messageId);
    } else leftOut.push({ pipeline: story.pipeline, messageId: story.messageId, why });
  }
  if (stories.length === 0) return { messages: 0, leftOut, changed: [], spec: { why: 'no message was replayed' } };

  const staging = { pipelines, stories, told };
  const performance = await perform({ ...staging, isPure: false, gridMs: 1 });
  const replayed = new Map(storiesOf(performance.events).map((story) => [keyOf(story), story]));
  const changed = stories.flatMap((story): Changed[] => {
    const { pipeline, messageId } = story;
    const nameOf = namesOf(pipelines);
    const differences = differencesOf(story, replayed.get(keyOf(story)), { toleranceMs, nameOf });
    return differences.length === 0 ? [] : [{ pipeline, messageId, differences }];
  });
  const subject = { pipelines, importOf, startedAt: head.startedAt };
  return { messages: stories.length, leftOut, changed, spec: await specOf(staging, subject) };
}

/** `isAlong`: it came of a message that is replayed. */
function whyLeftOut(
  story: Story,
  { isAlong, taken }: { readonly isAlong: boolean; readonly taken: number },
  pipelines: readonly Pipeline[],
  { only, maxMessages }: Pick<ReplayOptions, 'only' | 'maxMessages'>,
): string | undefined {
  if (!isAlong && only.size > 0 && !only.has(story.messageId)) return NOT_ASKED_FOR;
  const pipeline = pipelines.find(({ name }) => name === story.pipeline);
  if (pipeline === undefined) return 'their pipeline is not there any more';
  const why = whyNot(story);
  if (why !== undefined) return why;
  // What came of another is what the replay publishes.
  if (!isAlong && isReadByCodec(story)) return 'with a body that a codec alone can read: nothing of it is recorded';
  const tries = pipeline.source.retryDelaysMs.length + 1;
  if (story.deliveries.some(({ attempt }) => attempt > tries))
    return `tried more often than their queue gives now, ${tries} times`;
  return !isAlong && taken >= maxMessages ? `more than the first ${maxMessages}, which --max asks for` : undefined;
}

async function specOf(staging: Omit<Staging, 'isPure' | 'gridMs'>, subject: SpecSubject): Promise<Replay['spec']> {
  let why = '';
  for (const gridMs of GRIDS_MS) {
    try {
      const performance = await perform({ ...staging, isPure: true, gridMs });
      const { unanswered } = performance;
      if (unanswered.length > 0) return { why: `the recording has no answer for ${unanswered.join(', ')}` };
      return { text: writeSpec(performance, subject) };
    } catch (error) {
      if (!(error instanceof TooCloseError || error instanceof TooManyValuesError)) throw error;
      why = error.message;
      if (error instanceof TooManyValuesError) break;
    }
  }
  return { why };
}

const keyOf = ({ pipeline, messageId }: Story): string => JSON.stringify([pipeline, messageId]);

function namesOf(pipelines: readonly Pipeline[]): (api: string) => string {
  const names = new Map(pipelines.flatMap(({ apis }) => Object.entries(apis).map(([key, { name }]) => [name, key])));
  return (api) => names.get(api) ?? api;
}
