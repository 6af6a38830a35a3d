/** A message's story as its test needs it: ideal times, and the answers that were kept of its calls. */
import type { AnswerContent, CallEnded } from '../../events.ts';
import type { Journey } from '../journeys.ts';
import type { ApiShape, PipelineShape } from '../wire.ts';
import { type IdealTimes, idealTimes } from './ideal-times.ts';

export class Story {
  readonly journey: Journey;
  readonly shape: PipelineShape;
  readonly times: IdealTimes;
  readonly #answers = new Map<string, AnswerContent>();

  constructor(journey: Journey, shape: PipelineShape) {
    this.journey = journey;
    this.shape = shape;
    for (const answer of journey.answers) this.#answers.set(keyOf(answer), answer);
    this.times = idealTimes(journey.facts, shape, (ended) => askedToWaitMs(this.answerTo(ended)));
  }

  /** Undefined: it was not kept. */
  answerTo(ended: CallEnded): AnswerContent | undefined {
    return this.#answers.get(keyOf(ended));
  }

  /** Those that were called. */
  get apis(): readonly ApiShape[] {
    const called = new Set(this.times.attempts.map(({ started }) => started.api));
    return this.shape.apis.filter(({ name }) => called.has(name));
  }

  /** The name by which the pipeline's handle knows an API. */
  keyOfApi(named: string | undefined): string | undefined {
    return this.shape.apis.find(({ name }) => name === named)?.key;
  }
}

export function headerOf(content: AnswerContent | undefined, name: string): string | undefined {
  const value = content?.headers[name];
  return typeof value === 'string' ? value : undefined;
}

const keyOf = ({ callId, attempt }: Pick<CallEnded, 'callId' | 'attempt'>): string => `${callId} ${attempt}`;

/** In seconds, as most servers say it. */
function askedToWaitMs(content: AnswerContent | undefined): number {
  const asked = headerOf(content, 'retry-after');
  return asked !== undefined && /^\d{1,6}$/.test(asked) ? Number(asked) * 1_000 : 0;
}
