/** docs/security.md says which control meets which threat and which test proves it; docs/broker.md prints patterns of permissions as they are. */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { z } from 'zod';
import { queue } from '../../src/broker/queue.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { neededPermissions } from '../../src/worker/needed-permissions.ts';
import { numbered, proofFaults, provenRows } from './proof-table.ts';

const page = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const rows = provenRows('docs/security.md', /^S\d+$/);
const proofs = rows.flatMap((row) => row.proofs);

describe('docs/security.md', () => {
  it('has every threat, once, each with a test', () => {
    expect(rows.map(({ row }) => row)).to.deep.equal(numbered('S', 18));
    expect(rows.filter((row) => row.proofs.length === 0).map(({ row }) => row)).to.deep.equal([]);
  });

  it('names tests that exist', () => {
    expect(proofFaults(proofs)).to.deep.equal([]);
    expect(proofs.length).to.be.above(60);
  });

  it('S10: has the exact patterns of a worker’s user beside it, as the code makes them', () => {
    const pipeline = definePipeline({
      name: 'orders',
      source: queue('orders.placed'),
      input: z.unknown(),
      publishes: ['orders'],
      handle: () => [],
    });
    for (const [user, purpose] of [
      ['worker', 'worker'],
      ['deploy', 'declarer'],
      ['operator', 'operator'],
    ] as const) {
      const { configure, write, read } = neededPermissions([pipeline], purpose);
      expect(page('docs/broker.md')).to.include(
        `rabbitmqctl set_permissions -p sluice ${user} '${configure}' '${write}' '${read}'`,
      );
    }
  });
});

describe('SECURITY.md', () => {
  it('says how to report, what is supported, and leads to the threat model', () => {
    const text = page('SECURITY.md');
    for (const heading of [
      '## Reporting a vulnerability',
      '## Supported versions',
      '## Threat model in short',
      '## What is promised',
    ])
      expect(text).to.include(heading);
    expect(text).to.include('(docs/security.md)');
  });
});
