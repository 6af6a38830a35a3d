/**
 * A worker process of `sluice run --workers`: the same worker as without, whose health, metrics and dashboard are its parent's to show.
 * It stops when its parent says so, when it is signalled itself, and when its parent is gone.
 */
import { asyncScheduler, Subject } from 'rxjs';
import { type Cursor, DashboardModel } from '../../dashboard/model.ts';
import { ConfigError } from '../../errors.ts';
import { pipelineShapes } from '../../worker/pipeline-shapes.ts';
import { exit } from '../exit.ts';
import { EXIT } from '../exit-code.ts';
import { loadChecked } from '../load.ts';
import { openLog } from '../open-log.ts';
import { sendLastSpans } from '../send-last-spans.ts';
import { exitCodeOf, misconfigured, untilStopped } from '../until-stopped.ts';
import { openWorkerParts } from '../worker-parts.ts';
import { openParent } from './parent.ts';

/** Views are whole, so they are told less often than what is new. */
const VIEWS_EVERY_MS = 1_000;

/** As long as it has taken nothing, there is nothing to finish. */
const parent = openParent(() => process.exit(EXIT.ok));

async function work(folder: string, number: number): Promise<number> {
  process.setSourceMapsEnabled(true);
  const { pipelines, problems, config, dispose } = await loadChecked(folder);
  try {
    if (problems.length > 0 || !config.ok) return misconfigured([...problems, ...(config.ok ? [] : config.problems)]);
    const { amqpUrls, rereadAmqpUrls, dashboardPayloads } = config.value;
    const log = openLog(config.value).log.child({ worker: number });
    const parts = await openWorkerParts(config.value, log, rereadAmqpUrls ?? amqpUrls ?? []);
    const model = new DashboardModel(dashboardPayloads);
    const listening = model.listen(parts.facts);
    let cursor: Cursor | undefined;
    let viewedAt = Number.NEGATIVE_INFINITY;
    try {
      model.show(pipelineShapes(pipelines));
      const worker = parts.startWorker(pipelines);
      const hastened = new Subject<string>();
      parent.attach({
        readiness: worker.readiness,
        frame: () => {
          const now = asyncScheduler.now();
          const isWhole = now - viewedAt >= VIEWS_EVERY_MS;
          if (isWhole) viewedAt = now;
          const next = model.frame(cursor, isWhole);
          cursor = next.cursor;
          return next.frame;
        },
        metrics: parts.metrics.snapshot,
        story: (pipeline, messageId, deliveryTag) => model.story(pipeline, messageId, deliveryTag),
        stop: worker.stop,
        hasten: (reason) => {
          worker.hasten(reason);
          hastened.next(reason);
        },
        orphaned: () => {
          log.error('the parent process is gone: finishing what is in flight');
          worker.stop();
        },
      });
      const report = await untilStopped(worker, log);
      // While the parent still hears that this process lives.
      await sendLastSpans(log, hastened);
      await parent.close(await parts.metrics.snapshot());
      return exitCodeOf(report);
    } finally {
      listening.unsubscribe();
      await parts.close();
    }
  } catch (error) {
    if (error instanceof ConfigError) return misconfigured(error.problems);
    throw error;
  } finally {
    await dispose();
  }
}

const [folder = 'pipelines', number = '1'] = process.argv.slice(2);
await exit(await work(folder, Number(number)));
