/** What every `sluice dlq` command has in common: a connection, a way to stop, mistakes told in one line, an exit code. */
import pc from 'picocolors';
import { openDeadLetters } from '../../broker/amqp/open-dead-letters.ts';
import type { DeadLetters } from '../../broker/dead-letters.ts';
import { readConfig } from '../../config.ts';
import { ConfigError, SluiceError } from '../../errors.ts';
import { EXIT } from '../exit-code.ts';
import { attempt, printProblems } from '../problems.ts';
import { onSignals } from '../signals.ts';
import { oneLine } from './print.ts';

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
export async function withSession(
  run: (session: Session) => Promise<number>,
  { onBlocked = sayBlocked }: SessionOptions = {},
): Promise<number> {
  const config = attempt(readConfig);
  if (!config.ok) return misconfigured(config.problems);
  const { amqpUrls } = config.value;
  if (amqpUrls === undefined) return misconfigured([NO_BROKER]);

  const stop = new AbortController();
  const disarm = onSignals({
    onFirst: () => stop.abort(),
    // Whatever is cut off here the broker still has.
    onSecond: () => process.exit(EXIT.cutShort),
  });
  let office: DeadLetters | undefined;
  try {
    office = await openDeadLetters({ urls: amqpUrls, random: Math.random, onBlocked });
    return await run({ office, stop: stop.signal });
  } catch (error) {
    if (error instanceof ConfigError) return misconfigured(error.problems);
    if (!(error instanceof SluiceError)) throw error;
    return failed(error.message);
  } finally {
    await office?.close();
    disarm();
  }
}

const NO_BROKER = {
  subject: 'environment',
  path: 'AMQP_URL',
  message:
    'is not set; dead letters lie on a broker: amqp://user:password@host:5672/vhost, or the address that "sluice dev" and "sluice broker" print',
};

export function misconfigured(problems: Parameters<typeof printProblems>[0]): number {
  printProblems(problems, 'Nothing was done.');
  return EXIT.misconfigured;
}

/** One line that says why. */
export function failed(reason: string): number {
  console.error(`${pc.red('✗')} ${oneLine(reason)}`);
  return EXIT.failed;
}

export const printJson = (value: unknown): void => console.log(JSON.stringify(value, null, 2));

/** A time as machines read it. */
export const isoTime = (at: number | undefined): string | undefined => {
  const date = at === undefined ? undefined : new Date(at);
  return date === undefined || Number.isNaN(date.getTime()) ? undefined : date.toISOString();
};

function sayBlocked(reason: string | undefined): void {
  const said =
    reason === undefined
      ? 'the broker takes messages again'
      : `the broker takes no messages: ${oneLine(reason)}; waiting`;
  console.error(said);
}
