/** As with everything on, but that a tenth of the messages is traced: what a sampler leaves out is still passed on to APIs. */
import { ParentBasedSampler, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace-base';
import { runWithEverything } from './run-with-everything.ts';

await runWithEverything({ sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(0.1) }) });
