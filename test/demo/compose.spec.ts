/** docker-compose.yml and Dockerfile, as far as that can be said without Docker: they agree with the table of sample APIs and with the worker. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { catalogue } from '../../demo/apis/catalogue.ts';
import { openDeclarer } from '../../src/broker/amqp/open-declarer.ts';
import { readConfig } from '../../src/config.ts';
import { parseDuration } from '../../src/policies/duration.ts';
import { loadPipelines } from '../../src/worker/load-pipelines.ts';
import { neededTopology } from '../../src/worker/needed-topology.ts';
import { connectClient } from '../support/broker-client.ts';
import { describeWithOwnRabbitMq, type RabbitMq, startPrivateRabbitMq } from '../support/rabbitmq.ts';

interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly target: string };
  readonly environment: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly profiles?: readonly string[];
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly healthcheck: { readonly test: readonly string[] };
  readonly stop_grace_period?: string;
}

const root = join(import.meta.dirname, '../..');
const read = (file: string) => readFile(join(root, file), 'utf8');
const entries = Object.values(catalogue);
/** Of the broker, and its password. */
const USER = 'sluice';

describe('docker-compose.yml', () => {
  let all: Readonly<Record<string, Service>>;
  let secrets: Readonly<Record<string, { readonly file: string }>>;
  let services: { readonly rabbitmq: Service; readonly apis: Service; readonly worker: Service };
  before(async () => {
    ({ services: all, secrets } = parse(await read('docker-compose.yml')));
    services = parse(await read('docker-compose.yml')).services;
  });

  it('has RabbitMQ 4 with management, the sample APIs and the worker, each with a health check', () => {
    const started = Object.keys(all).filter((name) => all[name]?.profiles === undefined);
    expect(started).to.have.members(['rabbitmq', 'apis', 'worker']);
    expect(services.rabbitmq.image).to.equal('rabbitmq:4-management');
    for (const { healthcheck } of Object.values(all)) expect(healthcheck.test[0]).to.equal('CMD');
  });

  it('gives the broker what it begins with, where its image looks for that', async () => {
    const { volumes = [] } = services.rabbitmq;
    expect(volumes).to.include.members([
      './deploy/rabbitmq/definitions.conf:/etc/rabbitmq/conf.d/20-definitions.conf:ro',
      './deploy/rabbitmq/definitions.json:/etc/rabbitmq/definitions.json:ro',
    ]);
    expect(await read('deploy/rabbitmq/definitions.conf')).to.include(
      'load_definitions = /etc/rabbitmq/definitions.json',
    );
  });

  /** The token as the container has it: a secret is a file of its name. */
  const workerEnvironment = (): Record<string, string> => {
    const { SLUICE_TOKEN_FILE = '', ...rest } = services.worker.environment;
    const name = SLUICE_TOKEN_FILE.replace('/run/secrets/', '');
    expect(services.worker.secrets).to.include(name);
    return { ...rest, SLUICE_TOKEN_FILE: join(root, secrets[name]?.file ?? '') };
  };

  it('has Prometheus, Grafana and Jaeger where they are asked for, on loopback, with the files of deploy/', () => {
    const names = Object.keys(all).filter((name) => all[name]?.profiles?.includes('observability') === true);
    expect(names).to.have.members(['prometheus', 'grafana', 'jaeger']);
    for (const name of names) {
      for (const port of all[name]?.ports ?? []) expect(port).to.match(/^127\.0\.0\.1:/);
      for (const volume of all[name]?.volumes ?? [])
        expect(existsSync(join(root, volume.split(':')[0] ?? '')), volume).to.equal(true);
    }
    expect(all.prometheus?.secrets).to.deep.equal(services.worker.secrets);
  });

  it('starts the worker when broker and APIs are healthy', () => {
    const healthy = { condition: 'service_healthy' };
    expect(services.worker.depends_on).to.deep.equal({ rabbitmq: healthy, apis: healthy });
  });

  it('hands the worker the base URL of every sample API, and no other', () => {
    const given = Object.entries(services.worker.environment).filter(([name]) => name.endsWith('_API_BASE_URL'));
    expect(Object.fromEntries(given)).to.deep.equal(
      Object.fromEntries(entries.map(({ variable, port }) => [variable, `http://apis:${port}/api/v1`])),
    );
  });

  it('publishes every port of the sample APIs, on loopback', () => {
    expect(services.apis.ports).to.deep.equal(entries.map(({ port }) => `127.0.0.1:${port}:${port}`));
    expect(services.apis.environment.SAMPLE_APIS_HOST).to.equal('0.0.0.0');
    for (const port of services.rabbitmq.ports ?? []) expect(port).to.match(/^127\.0\.0\.1:/);
  });

  it('asks the last sample API for the health of all', () => {
    expect(services.apis.healthcheck.test.join(' ')).to.include(`127.0.0.1:${entries.at(-1)?.port}/_health`);
  });

  it('gives the worker settings it accepts, with the credentials of the broker', () => {
    const config = readConfig(workerEnvironment());
    expect(config.amqpUrls).to.deep.equal([`amqp://${USER}:${USER}@rabbitmq:5672`]);
    expect(services.worker.healthcheck.test.join(' ')).to.include(`127.0.0.1:${config.port}/readyz`);
    expect(config.doorHost, 'to be reached from outside of its container').to.equal('0.0.0.0');
    expect(services.worker.ports).to.deep.equal(
      [config.port, config.doorPort].map((port) => `127.0.0.1:${port}:${port}`),
    );
  });

  it('waits longer for the worker to stop than the worker takes to drain', () => {
    const { gracePeriodMs } = readConfig(workerEnvironment());
    expect(parseDuration(services.worker.stop_grace_period)).to.be.above(gracePeriodMs);
  });

  it('builds stages the Dockerfile has, from files that are there and sent to the build', async () => {
    const [dockerfile, ignore] = [await read('Dockerfile'), await read('.dockerignore')];
    const stages = [...dockerfile.matchAll(/^FROM \S+ AS (\w+)$/gm)].map(([, stage]) => stage);
    expect(stages).to.include.members([services.apis.build?.target, services.worker.build?.target]);
    expect(stages.at(-1), 'the default').to.equal('worker');

    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources = '']) =>
      sources.split(' '),
    );
    const sent = ignore.split('\n').filter((line) => line.startsWith('!'));
    for (const source of copied) {
      expect(existsSync(join(root, source)), `${source} exists`).to.equal(true);
      expect(sent, 'sent to the build').to.include(`!${source}`);
    }
  });
});

describeWithOwnRabbitMq('a RabbitMQ that begins with what docker-compose.yml gives it', () => {
  let broker: RabbitMq;
  before(async function allowForBusyMachines() {
    this.timeout(120_000);
    broker = await startPrivateRabbitMq({
      config: [`load_definitions = ${join(root, 'deploy/rabbitmq/definitions.json')}`],
    });
  });
  after(() => broker.stop());

  it('lets the worker in, and keeps the results of every ready pipeline', async () => {
    const url = broker.url.replace('guest:guest', `${USER}:${USER}`);
    const { pipelines, dispose } = await loadPipelines(join(root, 'pipelines'));
    await dispose();
    const declarer = await openDeclarer({ urls: [url] });
    await declarer.declare(neededTopology(pipelines)).finally(() => declarer.close());

    const client = await connectClient(url);
    const exchanges = pipelines.flatMap(({ publishes }) => publishes);
    expect(exchanges).to.have.length.above(3);
    for (const exchange of exchanges) client.channel.publish(exchange, 'any.key', Buffer.from(`"${exchange}"`));
    await client.channel.waitForConfirms();
    for (const exchange of exchanges)
      expect((await client.drain(`${exchange}.kept`)).map(({ body }) => body)).to.deep.equal([exchange]);
    await client.close();
  });
});
