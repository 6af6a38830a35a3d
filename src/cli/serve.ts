/** `sluice serve`: the front door of a folder's pipelines alone; the workers behind it are other processes. It declares nothing. */
import { Subscription, timer } from 'rxjs';
import type { BrokerStatus } from '../broker/broker.ts';
import type { Config } from '../config.ts';
import { ConfigError, type Problem } from '../errors.ts';
import { createFacts } from '../events.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { entrancesOf } from '../worker/entrances.ts';
import type { Readiness } from '../worker/worker.ts';
import { describeUrls, readUrls } from './broker-urls.ts';
import { EXIT } from './exit-code.ts';
import { type OpenedDoor, openDoor } from './front-door.ts';
import { loadChecked } from './load.ts';
import { openManagement } from './management.ts';
import { measureWorker } from './measure-worker.ts';
import { openLog } from './open-log.ts';
import { warnOfPlainBrokers } from './plain-brokers.ts';
import { sendLastSpans } from './send-last-spans.ts';
import { onSignals } from './signals.ts';
import { doorText } from './start-text.ts';
import { warnOfSlowPatterns } from './start-warnings.ts';
import { misconfigured } from './until-stopped.ts';

/** `port`: 0 for any free one. Default: that of the configuration. */
export async function serve(folder: string, port?: number): Promise<number> {
  process.setSourceMapsEnabled(true);
  const { pipelines, problems, config, dispose } = await loadChecked(folder, { needsTopology: false });
  try {
    const all = [...problems, ...(config.ok ? served(pipelines, problems, config.value, port) : config.problems)];
    if (all.length > 0 || !config.ok) return misconfigured(all);
    return await serveUntilStopped(pipelines, port === undefined ? config.value : { ...config.value, doorPort: port });
  } catch (error) {
    if (error instanceof ConfigError) return misconfigured(error.problems);
    throw error;
  } finally {
    await dispose();
  }
}

/** What makes no sense for a front door alone. `broken`: what is wrong with the modules; the one with the `ingress` may be among those that fail. */
function served(
  pipelines: readonly Pipeline[],
  broken: readonly Problem[],
  { amqpUrls, doorPort }: Config,
  port: number | undefined,
): readonly Problem[] {
  const problem = (subject: string, path: string, message: string): Problem => ({ subject, path, message });
  return [
    ...(entrancesOf(pipelines).length > 0 || broken.length > 0
      ? []
      : [problem('ingress', '', 'no pipeline has one: there is nothing to serve')]),
    ...(amqpUrls === undefined
      ? [problem('environment', 'AMQP_URL', 'is not set; a front door alone needs the broker its workers take from')]
      : []),
    ...(doorPort === 'off' && port === undefined
      ? [problem('environment', 'SLUICE_DOOR_PORT', 'is off, and the front door is all there is here; pass --port')]
      : []),
  ];
}

async function serveUntilStopped(pipelines: readonly Pipeline[], config: Config): Promise<number> {
  const { log, terminal, isPretty } = openLog(config);
  let isDraining = false;
  let status: BrokerStatus = { state: 'connecting' };
  const readiness = (): Readiness => {
    const { state, reason = '' } = status;
    const isReady = state === 'connected' && !isDraining;
    return {
      isReady,
      state: isDraining ? 'draining' : 'running',
      waiting: {},
      ...(state === 'connected' ? {} : { broker: reason === '' ? state : `${state}: ${reason}` }),
    };
  };
  const management = await openManagement(config, log, () => ({ readiness }));
  try {
    const urls = config.rereadAmqpUrls ?? config.amqpUrls ?? [];
    warnOfPlainBrokers(readUrls(urls), log);
    warnOfSlowPatterns(pipelines, log);
    const facts = createFacts();
    const metrics = measureWorker(facts);
    management.serve([metrics.route]);
    const grace = new Subscription();
    const onOpen = (opened: OpenedDoor): void => {
      grace.add(
        drainOnSignals(opened, config.gracePeriodMs, (signal, isAgain) => {
          isDraining = true;
          if (isAgain) log.warn({ signal }, 'asked again: nobody waits any longer');
          else log.info({ signal }, 'asked to stop: answering who is in');
        }),
      );
    };
    const door = await openDoor(pipelines, config, { log, facts, urls, onOpen });
    if (door === undefined) return EXIT.misconfigured;
    const watching = door.status.subscribe((latest) => {
      status = latest;
    });
    if (isPretty)
      terminal.write(doorText({ pipelines, broker: describeUrls(urls), url: management.url, door: door.url }));
    // Where its own port was taken it has another, and who asks for its readiness has to know which.
    log.info({ management: management.url }, 'sluice is serving');
    await door.closed;
    watching.unsubscribe();
    await door.close();
    // A signal more ends nothing sooner, and must not end the process by itself.
    grace.unsubscribe();
    metrics.close();
    return EXIT.ok;
  } finally {
    await management.close();
    await sendLastSpans(log);
  }
}

function drainOnSignals(
  door: OpenedDoor,
  gracePeriodMs: number,
  tell: (signal: string, isAgain: boolean) => void,
): Subscription {
  const ending = new Subscription();
  ending.add(
    onSignals({
      onFirst: (signal) => {
        tell(signal, false);
        door.drain();
        ending.add(timer(gracePeriodMs).subscribe(() => door.hasten()));
      },
      onSecond: (signal) => {
        tell(signal, true);
        door.hasten();
      },
    }),
  );
  return ending;
}
