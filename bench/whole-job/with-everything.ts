/** sluice with everything on: validation, metrics, a span of OpenTelemetry for each message, call and publish, and a log line for each message. */
import { runWithEverything } from './run-with-everything.ts';

await runWithEverything();
