/**
 * `docs/configuration.md`: the environment as `sluice --help` and `readConfig` tell it, the options of definitions in the words of their docstrings.
 * What is allowed is asked of `readConfig` itself, by a value nothing takes.
 */
import { execFileSync } from 'node:child_process';
import { readConfig } from '../src/config.ts';
import { ConfigError } from '../src/errors.ts';
import { cell, type Declared, readModule, root, toCell, toMarkdown } from './docstrings.ts';

/** A section for each function an author calls, with the options it takes, and what a handle is given. */
const SECTIONS: readonly (readonly [title: string, words: string, options: readonly (readonly [string, string])[]])[] =
  [
    [
      'definePipeline',
      'A pipeline: where its messages come from, what they look like, what is done about each.',
      [
        ['src/pipeline/pipeline-options.ts', 'PipelineOptions'],
        ['src/pipeline/pipeline-options.ts', 'DedupeOptions'],
        ['src/pipeline/pipeline-options.ts', 'PublishedExchange'],
        ['src/pipeline/context.ts', 'Context'],
      ],
    ],
    [
      'reads, writes',
      '`reads` and `writes` of a pipeline, `codec(options)` and `versions(schema, options)`: [messages](messages.md) of other forms.',
      [
        ['src/pipeline/message-format.ts', 'ReadOptions'],
        ['src/pipeline/message-format.ts', 'WriteOptions'],
        ['src/pipeline/message-format.ts', 'EventOptions'],
        ['src/message/body-codec.ts', 'CodecOptions'],
        ['src/message/versions.ts', 'VersionsOptions'],
      ],
    ],
    [
      'ingress',
      '`ingress` of a pipeline: how messages come in over HTTP, through the [front door](front-door.md).',
      [
        ['src/ingress/ingress.ts', 'IngressOptions'],
        ['src/ingress/ingress.ts', 'IngressRateLimit'],
        ['src/ingress/ingress.ts', 'HttpAnswer'],
        ['src/ingress/client-keys.ts', 'ClientKeysOptions'],
        ['src/ingress/json-web-tokens.ts', 'JwtOptions'],
      ],
    ],
    [
      'queue',
      '`queue(name, options)`: a RabbitMQ queue as a source.',
      [
        ['src/broker/queue.ts', 'QueueOptions'],
        ['src/broker/queue.ts', 'Binding'],
      ],
    ],
    [
      'partitioned',
      '`partitioned(name, options)`: messages in order per key, over all workers.',
      [['src/broker/partitioned.ts', 'PartitionedOptions']],
    ],
    [
      'stream',
      '`stream(name, options)`: what a stream of RabbitMQ keeps. It takes the options of `queue` too.',
      [['src/sources/stream.ts', 'StreamOptions']],
    ],
    [
      'every, schedule',
      '`every(period, options)` and `schedule(pattern, options)`: a message for each moment.',
      [
        ['src/sources/firing-source.ts', 'FiringOptions'],
        ['src/sources/schedule.ts', 'ScheduleOptions'],
      ],
    ],
    [
      'outbox',
      '`outbox(options)`: the rows of a table. It takes the options of `queue` too.',
      [['src/sources/outbox.ts', 'OutboxOptions']],
    ],
    [
      'defineApi',
      '`defineApi(name, options)`: an HTTP API, once for all pipelines of a worker.',
      [
        ['src/http/api-options.ts', 'ApiOptions'],
        ['src/http/api-options.ts', 'RetryOptions'],
        ['src/http/api-options.ts', 'RateLimitOptions'],
        ['src/http/api-options.ts', 'AdaptiveConcurrency'],
        ['src/http/api-options.ts', 'ApiCacheOptions'],
        ['src/operators/breaker-options.ts', 'BreakerOptions'],
        ['src/operators/hedge.ts', 'MeasuredPause'],
        ['src/http/tls.ts', 'TlsOptions'],
        ['src/http/oauth2.ts', 'OAuth2Options'],
      ],
    ],
    [
      'defineService',
      '`defineService(name, options)`: a service that is asked over the broker, once for all pipelines of a worker. It takes `timeout`, `concurrency`, `maxQueued`, `rateLimit`, `breaker`, `throttle`, `hedge`, `retry`, `classify`, `maxRequestBytes` and `maxResponseBytes` of `defineApi` too. See [Services over the broker](guide/services.md).',
      [
        ['src/http/service-options.ts', 'ServiceOptions'],
        ['src/http/service-options.ts', 'ServiceOperation'],
      ],
    ],
    [
      'redisTokens',
      '`redisTokens(options)` of `sluice/redis`: where a rate limit is kept that all workers share. Needs the package ioredis.',
      [['src/redis/redis-token-store.ts', 'RedisTokenStoreOptions']],
    ],
    [
      'Calls',
      '`apis.payment.post(path, body, options)` and its kin. A service is asked by `apis.freight.ask(operation, request, options)`.',
      [
        ['src/http/api.ts', 'CallOptions'],
        ['src/http/service.ts', 'AskOptions'],
      ],
    ],
    [
      'exchange',
      '`exchange(name, routingKey, options)`: where a result goes.',
      [['src/broker/exchange.ts', 'DestinationOptions']],
    ],
    [
      'saga',
      '`saga(options)` and its steps; see [sagas](sagas.md).',
      [
        ['src/saga/saga.ts', 'SagaOptions'],
        ['src/saga/step-options.ts', 'StepOptions'],
        ['src/saga/step-options.ts', 'ForwardStepOptions'],
        ['src/saga/step-options.ts', 'StepCondition'],
      ],
    ],
  ];

/** Interfaces whose names the page has a table for. */
export const documentedOptions: ReadonlySet<string> = new Set(
  SECTIONS.flatMap(([, , options]) => options.map(([, name]) => name)),
);

export interface Variable {
  readonly name: string;
  readonly words: string;
  readonly default: string;
  readonly allowed: string;
}

/** What `sluice --help` says of each variable. */
export function variables(): readonly Variable[] {
  const help = execFileSync(
    process.execPath,
    ['--import', 'tsx', '--conditions=sluice-source', 'src/cli/main.ts', '--help'],
    { cwd: root, encoding: 'utf8' },
  );
  const told: { name: string; words: string }[] = [];
  for (const section of help.split('\n\n').filter((text) => text.startsWith('Environment of '))) {
    for (const line of section.split('\n')) {
      const [, name, words = ''] = /^ {2}([A-Z][A-Z_]+)(?: +(.*))?$/.exec(line) ?? [];
      const last = told.at(-1);
      if (name !== undefined) told.push({ name, words });
      else if (/^ {10,}/.test(line) && last !== undefined) last.words = `${last.words} ${line.trim()}`.trim();
    }
  }
  return told.map(({ name, words }) => ({
    name,
    words: words.replace(DEFAULT, ''),
    default: DEFAULT.exec(words)?.[1] ?? '',
    allowed: allowedIn(name),
  }));
}

const DEFAULT = / \(default: ([^()]*)\)/;

/** What a wrong value is answered with. A value nothing takes may still do for a name or a path: then anything is allowed. */
function allowedIn(name: string): string {
  try {
    readConfig({ [name]: '\u0000', NODE_ENV: 'test' });
    return '';
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const [own] = error.problems.filter(({ path }) => path === name);
    const message = own?.message ?? '';
    const choices = message.match(/(?<=["|])"?[^"|]+"(?=\||$)/g);
    if (/"\|"/.test(message) && choices !== null)
      return choices.map((choice) => `\`${choice.replaceAll('"', '')}\``).join(', ');
    return message.startsWith('expected ') ? message.replace('expected ', '') : '';
  }
}

/** Every variable that begins with `SLUICE_`, as `readConfig` lists them where a name is wrong. */
export function settings(): readonly string[] {
  try {
    readConfig({ SLUICE_: 'x' });
  } catch (error) {
    if (error instanceof ConfigError)
      return error.message.match(/SLUICE_[A-Z_]+/g)?.filter((name) => name !== 'SLUICE_') ?? [];
  }
  return [];
}

const INTRODUCTION = `# Configuration

What a worker is told by its environment, and what authors may say in definitions. Made by \`npm run reference\` from \`sluice --help\`, the schemas and the docstrings. Every mistake is
reported at start, all at once, with its place and what is allowed: \`sluice check\` does it without a broker.

Durations are milliseconds or a number with its unit: \`'250ms'\`, \`'5s'\`, \`'10m'\`, \`'2h'\`, \`'7d'\`.

## Environment

Each variable may be given as a file: \`NAME_FILE\` is the path of a file that holds the value of \`NAME\`, and is not read where \`NAME\` is set. Secrets are best given so; they are in no log, and no message about a wrong
value shows it. A variable that begins with \`SLUICE_\` and is not in this list keeps the worker from starting: it is taken for a misspelt one. What \`NODE_ENV=production\` changes: without
\`AMQP_URL\` the worker does not start, instead of taking the embedded broker.
`;

export function configurationPage(): string {
  const rows = variables().map(
    ({ name, words, default: fallback, allowed }) =>
      `| \`${name}\` | ${cell(words)} | ${cell(fallback)} | ${cell(allowed)} |`,
  );
  const environment = `| Variable | What it is | Default | Allowed |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
  const own = `Variables of your own are named in definitions and read when the worker starts: \`env.url('PAYMENT_API_BASE_URL')\`, \`env.string(…)\`, \`env.secret('PAYMENT_API_KEY')\`. Missing ones are in the same list of mistakes.\n`;
  const sections = SECTIONS.map(([title, words, options]) => {
    const tables = options.map(([path, name], index) => tableOf(path, name, index === 0));
    return `## ${title}\n\n${words}\n\n${tables.join('\n')}`;
  });
  return [INTRODUCTION, environment, own, ...sections].join('\n');
}

function tableOf(path: string, name: string, isFirst: boolean): string {
  const declared = readModule(path).interfaces.find((one) => one.name === name);
  if (declared === undefined) throw new Error(`${path} exports no interface ${name}`);
  const words = declared.doc === '' ? '' : `${toMarkdown(declared.doc)}\n\n`;
  const title = isFirst ? '' : `### ${name}\n\n`;
  return `${title}${words}| ${name === 'Context' ? 'Member' : 'Option'} | Type | |\n| --- | --- | --- |\n${declared.members.map(rowOf).join('\n')}\n`;
}

const rowOf = ({ name, type, doc }: Declared['members'][number]): string =>
  `| \`${name}\` | \`${cell(type)}\` | ${toCell(doc)} |`;
