/** What every `sluice dlq` command works with: the dead letters of the broker, and a way to stop. */
import { openDeadLetters } from '../../broker/amqp/open-dead-letters.ts';
import type { DeadLetters } from '../../broker/dead-letters.ts';
import { TopologyError } from '../../errors.ts';
import { failed, sayBlocked, withBroker } from '../broker-session.ts';

export interface Session {
  readonly office: DeadLetters;
  /** Aborted by the first SIGINT or SIGTERM: take no more, bring to an end what is under way. The second ends the process. */
  readonly stop: AbortSignal;
}

export interface SessionOptions {
  /** The broker stops taking publishes, with its reason, or takes them again. Default: said on stderr. */
  readonly onBlocked?: (reason: string | undefined) => void;
}

/** Runs a command on the broker of AMQP_URL. @returns its exit code. */
export const withSession = (
  run: (session: Session) => Promise<number>,
  { onBlocked = sayBlocked }: SessionOptions = {},
): Promise<number> =>
  withBroker(
    (access) => openDeadLetters({ ...access, random: Math.random, onBlocked }),
    async (office, stop) => {
      try {
        return await run({ office, stop });
      } catch (error) {
        if (!(error instanceof TopologyError)) throw error;
        return failed(withNames(error.message));
      }
    },
  );

/** Whether there is no such queue, and not a user who may not look into it. */
export const isMissing = (failure: string): boolean => /^queue ".*\.dead" does not exist$/.test(failure);

/** For whoever gave the name of a pipeline, or the folder, as other commands take it. */
export const ASKED =
  'a queue is asked for, not a pipeline or a folder: "sluice dlq ls" names those of ./pipelines, with --pipelines <folder> of another';

export const withNames = (failure: string): string => (isMissing(failure) ? `${failure}; ${ASKED}` : failure);

/** A time as machines read it. */
export const isoTime = (at: number | undefined): string | undefined => {
  const date = at === undefined ? undefined : new Date(at);
  return date === undefined || Number.isNaN(date.getTime()) ? undefined : date.toISOString();
};
