/** What every command that speaks to the broker has in common: a connection, a way to stop, mistakes told in one line, an exit code. */
import pc from 'picocolors';
import { type Config, readConfig } from '../config.ts';
import { ConfigError, type Problem, SluiceError, TopologyError } from '../errors.ts';
import { type BrokerSecurity, brokerSecurity } from './broker-security.ts';
import { EXIT } from './exit-code.ts';
import { oneLine } from './print.ts';
import { attempt, printProblems } from './problems.ts';
import { onSignals } from './signals.ts';

/** Where the broker is and how it is connected to. */
export interface BrokerAccess extends BrokerSecurity {
  readonly urls: readonly string[];
  /** Aborted by the first SIGINT or SIGTERM: nobody waits for a connection any longer. */
  readonly signal: AbortSignal;
}

/** Connects to the broker of AMQP_URL with `open`, runs a command on it and closes it. @returns the command's exit code. */
export async function withBroker<Opened extends { close(): Promise<void> }>(
  open: (access: BrokerAccess) => Promise<Opened>,
  /** `stop` is aborted by the first SIGINT or SIGTERM: take no more, bring to an end what is under way. The second ends the process. */
  run: (opened: Opened, stop: AbortSignal, config: Config) => Promise<number>,
  /** What is said where the first signal ends the connection, and with it the command. Default: it does not. */
  whenStopped?: string,
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
  let opened: Opened | undefined;
  try {
    opened = await open({ urls: amqpUrls, signal: stop.signal, ...brokerSecurity(config.value) });
    return await run(opened, stop.signal, config.value);
  } catch (error) {
    if (error instanceof ConfigError) return misconfigured(error.problems);
    if (!(error instanceof SluiceError)) throw error;
    const stopped = opened === undefined ? NOT_BEGUN : whenStopped;
    if (stop.signal.aborted && stopped !== undefined) return failed(stopped, EXIT.cutShort);
    // Of topology all is told that was refused, a line each.
    const reasons = error instanceof TopologyError ? error.message.split('\n') : [error.message];
    for (const reason of reasons) failed(reason);
    return EXIT.failed;
  } finally {
    await opened?.close();
    disarm();
  }
}

const NOT_BEGUN = 'stopped while there was no connection to the broker: nothing was done';

const NO_BROKER: Problem = {
  subject: 'environment',
  path: 'AMQP_URL',
  message:
    'is not set; say which broker: amqp://user:password@host:5672/vhost, or the address that "sluice dev" and "sluice broker" print',
};

export function misconfigured(problems: readonly Problem[]): number {
  printProblems(problems, 'Nothing was done.');
  return EXIT.misconfigured;
}

/** One line that says why. @returns the exit code. */
export function failed(reason: string, code: number = EXIT.failed): number {
  console.error(`${pc.red('✗')} ${oneLine(reason)}`);
  return code;
}

/** On standard error: the broker takes no publishes, for this reason, or takes them again. */
export function sayBlocked(reason: string | undefined): void {
  const said =
    reason === undefined
      ? 'the broker takes messages again'
      : `the broker takes no messages: ${oneLine(reason)}; waiting (asked twice to stop, this command ends at once)`;
  console.error(said);
}

export const printJson = (value: unknown): void => console.log(JSON.stringify(value, null, 2));
