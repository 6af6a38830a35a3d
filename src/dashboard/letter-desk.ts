/** The port to dead letters: what the page asks for, done by what is behind `sluice dlq`. One look at a time. */
import type { DryRun, LetterList, LetterView, Replay, ReplayUnderWay } from './wire.ts';

/** Which letters of a queue: all of one kind of failure, or single ones of it. */
export interface LetterChoice {
  /** A work queue of one of the worker's pipelines. */
  readonly queue: string;
  readonly fingerprint: string;
  /** Message ids. Default: every letter of that kind. */
  readonly ids?: readonly string[] | undefined;
}

export interface LetterDesk {
  /** Looks through the dead letters of these work queues. */
  list(queues: readonly string[]): Promise<LetterList>;
  show(choice: LetterChoice, max: number): Promise<readonly LetterView[]>;
  /** What today's code makes of them; no API is called, nothing published or settled. */
  rehearse(choice: LetterChoice): Promise<DryRun>;
  /** Puts them into their work queue again, at most so many a second. */
  replay(choice: LetterChoice, perSecond: number): Promise<Replay>;
  /** How far it is, whoever asked for it; undefined while none is under way. */
  replaying(): ReplayUnderWay | undefined;
}
