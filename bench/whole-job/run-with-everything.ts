/** What is beside the work where everything is on: metrics, spans of an OpenTelemetry SDK, and a log line for each message. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trace } from '@opentelemetry/api';
import { BasicTracerProvider, BatchSpanProcessor, type Sampler } from '@opentelemetry/sdk-trace-base';
import { destination } from 'pino';
import { linesByTurns } from '../../src/cli/lines-by-turns.ts';
import { logFacts } from '../../src/observability/log-facts.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createTracing } from '../../src/observability/tracing.ts';
import { keepMetrics } from '../support/keep-metrics.ts';
import { readJob } from './contender.ts';
import { runSluice } from './run-sluice.ts';

export interface EverythingOptions {
  /** Default: all spans are recorded. */
  readonly sampler?: Sampler;
}

/** Spans are handed over in batches; what an exporter does with them is not measured. */
export async function runWithEverything({ sampler }: EverythingOptions = {}): Promise<void> {
  const { kind, warmUp, messages } = readJob();
  // A message, its calls and what it publishes.
  const expected = (warmUp + messages) * (kind === 'post' ? 2 : 5);
  let exported = 0;
  const provider = new BasicTracerProvider({
    ...(sampler === undefined ? {} : { sampler }),
    spanProcessors: [
      new BatchSpanProcessor({
        export: (spans, done) => {
          exported += spans.length;
          done({ code: 0 });
        },
        shutdown: async () => {},
      }),
    ],
  });
  trace.setGlobalTracerProvider(provider);

  await runSluice({
    begin: async (facts) => {
      const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
      const out = destination({ dest: join(folder, 'log'), sync: true });
      const { writeSoon } = linesByTurns((text) => void out.write(text));
      const log = createLogger({ level: 'debug', stream: { write: writeSoon } });
      const logging = logFacts(facts, log, { level: 'debug' });
      const endMetrics = keepMetrics(facts);
      const tracing = await createTracing('bench');
      if (tracing === undefined) throw new Error('no SDK is registered: there would be no spans');
      return {
        tracing,
        end: async () => {
          endMetrics();
          logging.unsubscribe();
          await provider.shutdown();
          // A processor whose queue is full drops them, which costs less.
          if (sampler === undefined && exported !== expected)
            throw new Error(`${exported} spans of ${expected} were handed over`);
          rmSync(folder, { recursive: true });
        },
      };
    },
  });
}
