/** `sluice top`: a running worker in the terminal, asked for its metrics every second. */
import { asyncScheduler, firstValueFrom, fromEvent, merge, timer } from 'rxjs';
import { readConfig } from '../config.ts';
import { messageOf } from '../errors.ts';
import { currentValue, type Secret } from '../setting.ts';
import { failed, misconfigured, printJson } from './broker-session.ts';
import { EXIT } from './exit-code.ts';
import { attempt } from './problems.ts';
import { Rates } from './rates.ts';
import { onSignals } from './signals.ts';
import { askWorker, faultOfAddress, metricsUrl } from './top/ask-worker.ts';
import { overviewOf } from './top/overview.ts';
import { openScreen } from './top/screen.ts';
import { tableOf } from './top/table.ts';

const EVERY_MS = 1_000;

export interface TopOptions {
  /** Two readings, a second apart, and done. */
  readonly once?: boolean;
  /** The same, as JSON. */
  readonly json?: boolean;
}

/** The token is that of SLUICE_TOKEN. */
export async function top(address: string, { once = false, json = false }: TopOptions): Promise<number> {
  const fault = faultOfAddress(address);
  if (fault !== undefined) return misconfigured([{ subject: 'argument', path: 'address', message: fault }]);
  const config = attempt(() => readConfig(undefined, { needsBroker: false }));
  if (!config.ok) return misconfigured(config.problems);
  const token = config.value.token === undefined ? undefined : currentValue<Secret>(config.value.token);
  const url = metricsUrl(address);
  const rates = new Rates();
  const screen = !once && !json && process.stdout.isTTY ? openScreen(process.stdout) : undefined;
  const stop = new AbortController();
  const disarm = onSignals({ onFirst: () => stop.abort(), onSecond: () => process.exit(EXIT.cutShort) });
  const stopped = fromEvent(stop.signal, 'abort');
  try {
    for (let reading = 1; !stop.signal.aborted; reading++) {
      const overview = overviewOf(await askWorker(url, { token, stop: stop.signal }), rates, asyncScheduler.now());
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
    if (stop.signal.aborted) return EXIT.ok;
    return failed(`${url.origin} ${messageOf(error)}`);
  } finally {
    screen?.close();
    disarm();
  }
}
