/** A recording told message by message: what came, what was called and answered, what was published, what became of it. */
import { resultIdOf } from '../../message/identity.ts';
import type {
  RecordedAnswer,
  RecordedCall,
  RecordedDelivery,
  RecordedEvent,
  RecordedFailure,
  RecordedResult,
  RecordedSettlement,
} from '../../recording/recording.ts';

/** A call with what came of it; `end` is undefined where it was given up, or where the recording ended first. */
export interface ToldCall {
  readonly call: RecordedCall;
  end: RecordedAnswer | RecordedFailure | undefined;
}

export interface Story {
  readonly pipeline: string;
  readonly messageId: string;
  /** Those of a publisher: not the ones by which the message comes back for a later try. */
  readonly deliveries: RecordedDelivery[];
  readonly calls: ToldCall[];
  readonly results: RecordedResult[];
  readonly settlements: RecordedSettlement[];
  /** Numbers drawn for its pauses. */
  readonly draws: number[];
  /** Later tries that are still to come. */
  pendingTries: number;
  /** Deliveries that are not settled. */
  inFlight: number;
}

/** So many results of a message are known by their names before they come. */
const RESULTS_AHEAD = 50;

/** In the order in which the messages first came. */
export function storiesOf(events: readonly RecordedEvent[]): readonly Story[] {
  const stories = new Map<string, Story>();
  const byResult = new Map<string, Story>();
  const byConversation = new Map<string, Story[]>();
  const byCall = new Map<number, ToldCall>();

  const nameResults = (story: Story, from: number): void => {
    for (let index = from; index < from + RESULTS_AHEAD; index++)
      byResult.set(resultIdOf(story.pipeline, story.messageId, index), story);
  };
  /** Of a message whose id was kept back the results are not known by name: it is the last of their conversation, and no result is its own cause. */
  const causeOf = ({ messageId, correlationId }: RecordedResult): Story | undefined =>
    byResult.get(messageId) ?? byConversation.get(correlationId)?.findLast((story) => story.messageId !== messageId);

  const storyOf = ({ pipeline, messageId }: { readonly pipeline: string; readonly messageId: string }): Story => {
    const key = JSON.stringify([pipeline, messageId]);
    const known = stories.get(key);
    if (known !== undefined) return known;
    const lists = { deliveries: [], calls: [], results: [], settlements: [], draws: [] };
    const story: Story = { pipeline, messageId, ...lists, pendingTries: 0, inFlight: 0 };
    stories.set(key, story);
    nameResults(story, 0);
    return story;
  };

  for (const event of events) {
    switch (event.kind) {
      case 'delivered': {
        const story = storyOf(event);
        const { correlationId } = event.properties;
        byConversation.set(correlationId, [...(byConversation.get(correlationId) ?? []), story]);
        story.inFlight++;
        if (story.pendingTries > 0) story.pendingTries--;
        else story.deliveries.push(event);
        break;
      }
      case 'called': {
        const told: ToldCall = { call: event, end: undefined };
        byCall.set(event.call, told);
        storyOf(event).calls.push(told);
        break;
      }
      case 'answered':
      case 'failed': {
        const told = byCall.get(event.call);
        if (told !== undefined) told.end = event;
        break;
      }
      case 'published': {
        const cause = causeOf(event);
        if (cause === undefined) break;
        cause.results.push(event);
        if (cause.results.length % RESULTS_AHEAD === 0) nameResults(cause, cause.results.length);
        break;
      }
      case 'settled': {
        const story = storyOf(event);
        story.settlements.push(event);
        story.inFlight--;
        if (event.settlement === 'retry') story.pendingTries++;
        break;
      }
      case 'drew': {
        const { pipeline, messageId, value } = event;
        if (pipeline !== undefined && messageId !== undefined) storyOf({ pipeline, messageId }).draws.push(value);
        break;
      }
      case 'givenUp':
      case 'ended':
        break;
    }
  }
  return [...stories.values()];
}

/** What a schema refuses, or does not describe, is recorded as a stand-in. */
const MISFIT =
  'with a body that the schema takes otherwise than the original: what does not fit is not recorded, a stand-in is';

/** Whether its pipeline read a body that the recorder could not: of that the recording holds nothing to deliver. */
export const isReadByCodec = ({ deliveries, settlements }: Story): boolean =>
  deliveries.some(({ body }) => body === undefined) && settlements.some(({ code }) => code !== 'ERR_PAYLOAD_INVALID');

/** Why a story cannot be told again, said of one message or of several; undefined where it can. */
export function whyNot(story: Story): string | undefined {
  const { deliveries, calls, settlements, pendingTries, inFlight } = story;
  if (deliveries.length === 0 || inFlight > 0) return 'not settled when the recording ended';
  if (pendingTries > 0) return 'waiting for another try when the recording ended';
  if (settlements.some(({ settlement }) => settlement === 'returned')) return 'given back to the broker';
  if (deliveries.some(({ isMisfit }) => isMisfit)) return MISFIT;
  if (calls.some(({ end }) => end?.kind === 'failed' && end.code === 'ERR_INTERCEPTOR'))
    return 'an interceptor of ours failed a call';
  return undefined;
}
