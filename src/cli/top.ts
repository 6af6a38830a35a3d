/** `sluice top`: a running worker in the terminal, asked for its metrics every second. */
import { asyncScheduler, firstValueFrom, fromEvent, merge, timer } from 'rxjs';
import { readConfig } from '../config.ts';
import { messageOf } from '../errors.ts';
import type { Secret } from '../setting.ts';
import { failed, misconfigured, printJson } from './broker-session.ts';
import { EXIT } from './exit-code.ts';
import { attempt } from './problems.ts';
import { Rates } from './rates.ts';
import { onSignals } from './signals.ts';
import { overviewOf } from './top/overview.ts';
import { readMetrics } from './top/read-metrics.ts';
import { openScreen } from './top/screen.ts';
import { tableOf } from './top/table.ts';

const EVERY_MS = 1_000;
const ANSWER_WITHIN_MS = 5_000;

export interface TopOptions {
  /** Two readings, a second apart, and done. */
  readonly once?: boolean;
  /** The same, as JSON. */
  readonly json?: boolean;
}

/** The token is that of SLUICE_TOKEN. */
export async function top(address: string, { once = false, json = false }: TopOptions): Promise<number> {
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
    const message = `expected the address that "sluice run" prints, like http://127.0.0.1:8080, got "${address}"`;
    return misconfigured([{ subject: 'argument', path: 'address', message }]);
  }
  const config = attempt(() => readConfig(undefined, { needsBroker: false }));
  if (!config.ok) return misconfigured(config.problems);
  const { token } = config.value;
  const url = new URL('/metrics', address);
  const rates = new Rates();
  const screen = !once && !json && process.stdout.isTTY ? openScreen(process.stdout) : undefined;
  const stop = new AbortController();
  const disarm = onSignals({ onFirst: () => stop.abort(), onSecond: () => process.exit(EXIT.cutShort) });
  const stopped = fromEvent(stop.signal, 'abort');
  try {
    for (let reading = 1; !stop.signal.aborted; reading++) {
      const overview = overviewOf(readMetrics(await ask(url, token)), rates, asyncScheduler.now());
      const isLast = screen === undefined && reading === 2;
      screen?.show(tableOf(overview, address));
      if (isLast && json) printJson(overview);
      else if (isLast) console.log(tableOf(overview, address));
      if (isLast) break;
      await firstValueFrom(merge(timer(EVERY_MS), stopped));
    }
    return EXIT.ok;
  } catch (error) {
    screen?.close();
    return failed(`${url.origin} ${messageOf(error)}`);
  } finally {
    screen?.close();
    disarm();
  }
}

/** @throws Error that says in a person's words why there is no answer. */
async function ask(url: URL, token: Secret | undefined): Promise<string> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` };
  let response: Response;
  try {
    response = await fetch(url, { headers, redirect: 'error', signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
  } catch {
    throw new Error('does not answer; is a worker running there?');
  }
  if (response.status === 401) throw new Error('asks for its token: set SLUICE_TOKEN to that of the worker');
  if (!response.ok) throw new Error(`answered ${response.status}: is that a worker of sluice?`);
  const text = await response.text();
  // Anything may answer there: shown as a worker it would be one without a broker.
  if (!/^sluice_/m.test(text)) throw new Error('answers, and tells nothing of sluice: is that a worker of sluice?');
  return text;
}
