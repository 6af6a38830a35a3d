/** The layer rule itself: every rule of .dependency-cruiser.cjs catches what it is for, seen on a planted project. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';

/** File → imports in it. Each is one violation of the rule it is listed under. */
const planted: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'layer-policies': { 'src/policies/knows-operators.ts': "import type { o } from '../operators/clean.ts';" },
  'layer-message': { 'src/message/knows-policies.ts': "import '../policies/clean.ts';" },
  'layer-operators': { 'src/operators/knows-http.ts': "import type { h } from '../http/clean.ts';" },
  'layer-http': { 'src/http/knows-broker.ts': "export * from '../broker/broker.ts';" },
  'layer-broker': { 'src/broker/amqp/knows-http.ts': "import '../../http/clean.ts';" },
  'layer-redis': { 'src/redis/knows-broker.ts': "export type { b } from '../broker/broker.ts';" },
  'layer-journal': { 'src/journal/knows-broker.ts': "export type { b } from '../broker/broker.ts';" },
  'layer-management': { 'src/management/knows-worker.ts': "import '../worker/clean.ts';" },
  'layer-sources': { 'src/sources/knows-pipeline.ts': "import '../pipeline/clean.ts';" },
  'layer-ingress': { 'src/ingress/knows-pipeline.ts': "import '../pipeline/clean.ts';" },
  'layer-recording': { 'src/recording/knows-pipeline.ts': "import '../pipeline/clean.ts';" },
  'layer-pipeline': { 'src/pipeline/knows-saga.ts': "import type { s } from '../saga/clean.ts';" },
  'layer-saga': { 'src/saga/knows-pipeline.ts': "import '../pipeline/clean.ts';" },
  'layer-dashboard': { 'src/dashboard/knows-observability.ts': "import '../observability/clean.ts';" },
  'layer-observability': { 'src/observability/knows-worker.ts': "import '../worker/clean.ts';" },
  'layer-worker': { 'src/worker/knows-cli.ts': "export const cli = () => import('../cli/clean.ts');" },
  'layer-testing': { 'src/testing/knows-cli.ts': "import '../cli/clean.ts';" },
  'layer-cli': { 'src/cli/knows-testing.ts': "import '../testing/clean.ts';" },
  ground: { 'src/log.ts': "import './policies/clean.ts';" },
  'errors-in-one-place': { 'src/policies/reaches-behind-errors.ts': "import '../errors/clean.ts';" },
  'events-in-one-place': { 'src/policies/reaches-behind-events.ts': "import '../events/clean.ts';" },
  'ground-definition': { 'src/definition.ts': "import './message/clean.ts';" },
  'config-below-all': { 'src/config.ts': "import './http/clean.ts';" },
  'config-in-one-place': { 'src/cli/reads-environment.ts': "import '../config/clean.ts';" },
  'config-readers': { 'src/worker/reads-config.ts': "import '../config.ts';" },
  'public-surface': { 'src/index.ts': "import './testing/clean.ts';" },
  'known-place': { 'src/extras/thing.ts': "import '../errors.ts';" },
  'broker-adapters-apart': { 'src/broker/embedded/knows-amqp.ts': "import '../amqp/clean.ts';" },
  'broker-port-alone': { 'src/broker/topology.ts': "import './amqp/clean.ts';" },
  'journal-stores-apart': { 'src/journal/postgres/knows-file.ts': "import '../file/clean.ts';" },
  'journal-port-alone': { 'src/journal/journal.ts': "import './file/clean.ts';" },
  'only-http-calls': {
    'src/worker/calls-axios.ts': "import axios from 'axios'; export { axios };",
    'src/operators/types-of-undici.ts': "import type { Pool } from 'undici'; export type P = Pool;",
  },
  'only-amqp-speaks-amqplib': {
    'src/broker/embedded/amqplib.ts': "import type { Channel } from 'amqplib'; export type C = Channel;",
  },
  'only-the-journal-speaks-sql': {
    'src/worker/queries.ts': "import type { Pool } from 'pg'; export type P = Pool;",
  },
  'only-the-front-door-serves-and-reads-tokens': {
    'src/worker/serves.ts':
      "import { fastify } from 'fastify'; import { jwtVerify } from 'jose'; export { fastify, jwtVerify };",
  },
  'only-cron-times-reads-patterns': { 'src/sources/reads.ts': "import { Cron } from 'croner'; export { Cron };" },
  'only-observability-logs-with-pino': { 'src/worker/logs.ts': "import { pino } from 'pino'; export { pino };" },
  'pipelines-public-surface': {
    'pipelines/calls-axios.ts': "import type { AxiosError } from 'axios'; export type E = AxiosError;",
  },
  'pipelines-by-name': { 'pipelines/by-path.ts': "import '../src/index.ts';" },
  'not-to-tests': { 'src/worker/tests.ts': "import '../../test/clean.ts';" },
  'sample-apis-alone': { 'demo/apis/knows-sluice.ts': "import { i } from 'sluice'; export { i };" },
  'no-cycles': { 'src/message/here.ts': "import './there.ts';" },
  'no-missing-imports': { 'src/message/lost.ts': "import './nowhere.ts';" },
};

/** Allowed, each of it: no rule may say a word. */
const clean: Readonly<Record<string, string>> = {
  'src/errors.ts': "import './errors/clean.ts';",
  'src/errors/clean.ts': '',
  'src/events.ts': "import './events/clean.ts';",
  'src/events/clean.ts': '',
  'src/config/clean.ts': '',
  'src/policies/clean.ts': "import '../errors.ts';",
  'src/message/clean.ts': "import '../errors.ts';",
  'src/message/there.ts': "import './here.ts';",
  'src/operators/clean.ts': "import '../policies/clean.ts'; import '../message/clean.ts'; export type o = 1;",
  'src/http/clean.ts':
    "import axios from 'axios'; import { Pool } from 'undici'; import '../operators/clean.ts'; export type h = [typeof axios, Pool];",
  'src/broker/broker.ts': "import '../message/clean.ts'; export type b = 1;",
  'src/broker/amqp/clean.ts': "import { connect } from 'amqplib'; import '../broker.ts'; export { connect };",
  'src/journal/file/clean.ts': "import '../clean.ts';",
  'src/journal/open-store.ts': "import './file/clean.ts';",
  'src/journal/clean.ts': "import { Observable } from 'rxjs'; export { Observable };",
  'src/pipeline/clean.ts': "import '../http/clean.ts'; import '../broker/broker.ts'; import '../journal/clean.ts';",
  'src/saga/clean.ts': "import '../journal/clean.ts'; export type s = 1;",
  'src/observability/clean.ts': "import { pino } from 'pino'; export { pino };",
  'src/worker/clean.ts': "import '../pipeline/clean.ts'; import '../saga/clean.ts';",
  'src/recording/clean.ts': "import '../broker/broker.ts';",
  'src/testing/clean.ts': "import '../pipeline/clean.ts';",
  'src/testing/replay/clean.ts': "import '../clean.ts';",
  'src/cli/clean.ts':
    "import '../worker/clean.ts'; import '../testing/replay/clean.ts'; import '../recording/clean.ts'; import '../config.ts'; import '../index.ts';",
  'pipelines/clean.ts':
    "import { i } from 'sluice'; import { map } from 'rxjs'; import { z } from 'zod'; import './shared/clean.ts'; export { i, map, z };",
  'pipelines/shared/clean.ts': "import '../schemas.ts';",
  'pipelines/schemas.ts': '',
  'demo/apis/clean.ts':
    "import { createServer } from 'node:http'; import { z } from 'zod'; export { createServer, z };",
  'demo/clean.ts': "import './apis/clean.ts'; import { i } from 'sluice'; export { i };",
  'test/clean.ts': '',
};

interface Report {
  readonly summary: {
    readonly violations: readonly { readonly rule: Rule; readonly from: string }[];
    readonly ruleSetUsed: { readonly forbidden: readonly Rule[] };
  };
}

interface Rule {
  readonly name: string;
}

const root = join(import.meta.dirname, '../..');

function cruise(cwd: string): Promise<Report> {
  const depcruise = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const args = [depcruise, 'src', 'pipelines', 'demo', '--config', '.dependency-cruiser.cjs', '--output-type', 'json'];
  return new Promise((resolve, reject) => {
    // Its exit code counts violations; the report on stdout is what is asked for.
    execFile(process.execPath, args, { cwd, maxBuffer: 64 * 2 ** 20 }, (_, stdout, stderr) => {
      try {
        resolve(JSON.parse(stdout));
      } catch (cause) {
        reject(new Error(`dependency-cruiser gave no report: ${stderr}`, { cause }));
      }
    });
  });
}

describe('the layer rule', () => {
  let project = '';
  let report: Report | undefined;
  const violations = () => report?.summary.violations ?? [];

  before(async () => {
    project = await mkdtemp(join(tmpdir(), 'sluice-layers-'));
    for (const [path, text] of [...Object.values(planted).flatMap(Object.entries<string>), ...Object.entries(clean)]) {
      await mkdir(join(project, dirname(path)), { recursive: true });
      await writeFile(join(project, path), `${text}\nexport const i = 1;\n`);
    }
    for (const file of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json'])
      await cp(join(root, file), join(project, file));
    await symlink(join(root, 'node_modules'), join(project, 'node_modules'));

    report = await cruise(project);
  });

  after(() => rm(project, { recursive: true, force: true }));

  for (const [rule, files] of Object.entries(planted)) {
    it(`${rule} catches ${Object.keys(files).join(' and ')}`, () => {
      const caught = violations().filter((violation) => violation.rule.name === rule);
      expect(caught.map(({ from }) => from)).to.include.members(Object.keys(files));
    });
  }

  it('has a planted violation for each of its rules', () => {
    const rules = report?.summary.ruleSetUsed.forbidden ?? [];
    expect(rules.map(({ name }) => name)).to.have.members(Object.keys(planted));
  });

  it('lets pass what is allowed', () => {
    const blamed = violations().filter(({ from, rule }) => from in clean && rule.name !== 'no-cycles');
    expect(blamed).to.deep.equal([]);
  });
});
