/** What lies in deploy/, as far as it can be said without Prometheus and Grafana: every metric it names is one a worker has, and each rule is tested. */
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { createFacts } from '../../src/events.ts';
import { createMetrics } from '../../src/observability/metrics/create-metrics.ts';
import { promtool } from '../support/promtool.ts';
import { describeWith } from '../support/services.ts';

const root = join(import.meta.dirname, '../..');
const read = (file: string) => readFile(join(root, file), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string };
}

/** Words of PromQL that are no metric. */
const KNOWN_WORDS = /\b(sluice|nodejs|process)_\w+/g;

describe('deploy', () => {
  const names = new Map<string, readonly string[]>();
  before(async () => {
    const metrics = createMetrics(createFacts(), {
      version: '0',
      ledgers: () => ({}),
      isBalanced: () => true,
      unconfirmed: () => 0,
      retryBudgets: () => new Map(),
      queues: () => [],
    });
    for (const { name, type, labels } of metrics.instruments) {
      if (type === 'histogram')
        for (const part of ['bucket', 'sum', 'count']) names.set(`${name}_${part}`, [...labels, 'le']);
      else names.set(name, labels);
    }
    const noBody = { query: new URLSearchParams(), body: undefined, isTrusted: true, header: () => undefined };
    const answer = await metrics.route.answer(noBody);
    for (const [, name = ''] of ('body' in answer ? String(answer.body) : '').matchAll(/^# TYPE (\w+)/gm))
      if (!names.has(name) && !name.startsWith('sluice_')) names.set(name, []);
    metrics.close();
  });

  it('S5: runs images without the accessor __proto__', async () => {
    const runtime = /^FROM \S+ AS runtime$([\s\S]*?)^FROM /m.exec(await read('Dockerfile'))?.[1] ?? '';
    expect(runtime).to.include('ENV NODE_OPTIONS=--disable-proto=delete');
  });

  const checkExpression = (expression: string): void => {
    const found = expression.match(KNOWN_WORDS) ?? [];
    expect(found, expression).not.to.have.length(0);
    for (const name of found) expect([...names.keys()], expression).to.include(name);
    for (const [, name = '', matchers = ''] of expression.matchAll(/(\w+)\{([^}]*)\}/g))
      for (const [, label = ''] of matchers.matchAll(/(\w+)(?:=~|!~|!=|=)"/g))
        expect(names.get(name), `${label} of ${name}`).to.include(label);
    for (const [, by = ''] of expression.matchAll(/by \(([^)]*)\)/g))
      for (const label of by.split(',').map((part) => part.trim()))
        expect(['instance', ...found.flatMap((name) => names.get(name) ?? [])], `${label} in ${expression}`).to.include(
          label,
        );
  };

  describe('alert rules', () => {
    let rules: readonly Rule[];
    before(async () => {
      rules = (parse(await read('deploy/prometheus/alerts.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
        (group) => group.rules,
      );
    });

    it('name metrics and labels that workers have', () => {
      expect(rules).to.have.length.above(5);
      for (const { expr } of rules) checkExpression(expr);
    });

    it('say how bad it is and what is the matter', () => {
      for (const { alert, labels, annotations } of rules) {
        expect(['warning', 'critical'], alert).to.include(labels.severity);
        expect(annotations.summary, alert).to.be.a('string').and.not.equal('');
      }
    });

    it('have a test each', async () => {
      const { tests } = parse(await read('deploy/prometheus/alerts.test.yml')) as {
        tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[];
      };
      const fired = tests.flatMap((test) => test.alert_rule_test).filter((test) => test.exp_alerts.length > 0);
      expect(new Set(fired.map(({ alertname }) => alertname))).to.deep.equal(new Set(rules.map(({ alert }) => alert)));
    });

    describeWith(promtool, 'by promtool', (command) => {
      for (const args of [
        ['check', 'rules', 'alerts.yml'],
        ['test', 'rules', 'alerts.test.yml'],
      ]) {
        it(`pass ${args.join(' ')}`, () => {
          const cwd = join(root, 'deploy/prometheus');
          const { status, stdout, stderr } = spawnSync(command(), args, { cwd, encoding: 'utf8' });
          expect(status, stdout + stderr).to.equal(0);
        });
      }
    });
  });

  it('has a Grafana dashboard whose panels ask for what workers have, and do not overlap', async () => {
    const { panels } = JSON.parse(await read('deploy/grafana/sluice.json')) as {
      panels: {
        title: string;
        gridPos: { x: number; y: number; w: number; h: number };
        targets: { expr: string }[];
      }[];
    };
    const taken = new Set<string>();
    for (const { title, gridPos, targets } of panels) {
      expect(targets, title).not.to.have.length(0);
      for (const { expr } of targets) checkExpression(expr.replaceAll('$__rate_interval', '1m'));
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(x, title).to.be.below(24);
          expect(taken.has(`${x} ${y}`), title).to.equal(false);
          taken.add(`${x} ${y}`);
        }
    }
  });
});
