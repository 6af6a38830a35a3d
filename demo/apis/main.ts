/** `npm run apis`: the sample APIs on their default ports, until SIGINT or SIGTERM. */

import { catalogue } from './catalogue.ts';
import { SampleApiListenError } from './sample-api.ts';
import { type SampleApis, startSampleApis } from './start-sample-apis.ts';
import { stopAsked } from './stop-asked.ts';

// By itself: in its image there is this folder alone.
if (process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')) {
  console.log(`npm run apis: the sample APIs, until SIGINT or SIGTERM

Environment:
  SAMPLE_APIS_HOST   address to listen on; default 127.0.0.1
  SAMPLE_APIS_PORTS  default, or free: any free ones, told at the start`);
  process.exit();
}
const { SAMPLE_APIS_HOST: host = '127.0.0.1', SAMPLE_APIS_PORTS: ports = 'default' } = process.env;

function table({ all }: SampleApis): string {
  const width = Math.max(...all.map(({ name }) => name.length));
  const urlWidth = Math.max(...all.map(({ baseUrl }) => baseUrl.length));
  const operations = new Map(
    Object.entries(catalogue).map(([name, entry]) => [name, entry.operations.map((operation) => operation.name)]),
  );
  return all
    .map(
      ({ name, baseUrl }) =>
        `  ${name.padEnd(width)}  ${baseUrl.padEnd(urlWidth)}  ${operations.get(name)?.join(', ')}`,
    )
    .join('\n');
}

function guide({ payment, all, environment }: SampleApis): string {
  const { origin } = new URL(payment.baseUrl);
  return [
    'Make one fail (kinds: status, latency, hang, reset, lost-answer, bad-json, drip):',
    `  curl -d '{"kind":"status","status":503,"operation":"POST /charge","times":2}' ${origin}/_faults`,
    `See what it saw:      curl ${origin}/_journal`,
    `Let it work again:    curl -X DELETE ${origin}/_faults`,
    ...(ports === 'free'
      ? ['For the worker:', ...all.map(({ variable }) => `  export ${variable}=${environment[variable]}`)]
      : []),
  ].join('\n');
}

try {
  if (ports !== 'default' && ports !== 'free')
    throw new SampleApiListenError(`SAMPLE_APIS_PORTS is "${ports}": expected default or free`);
  const apis = await startSampleApis({ ports, host });
  console.log(`Sample APIs, in memory and for trying things out:\n${table(apis)}\n\n${guide(apis)}`);

  await stopAsked();
  await apis.stop();
} catch (cause) {
  if (!(cause instanceof SampleApiListenError)) throw cause;
  console.error(
    `${cause.message}\nStop what listens there, take free ports (SAMPLE_APIS_PORTS=free npm run apis), or another address (SAMPLE_APIS_HOST).`,
  );
  process.exitCode = 1;
}
