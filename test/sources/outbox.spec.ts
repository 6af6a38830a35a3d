import { expect } from 'chai';
import { of } from 'rxjs';
import { z } from 'zod';
import { sourceTopology } from '../../src/broker/source-topology.ts';
import { ConfigError, DefinitionError } from '../../src/errors.ts';
import { definePipeline, env, outbox, Secret } from '../../src/index.ts';
import { feederProblems } from '../../src/worker/feeder-problems.ts';

const URL = 'postgres://relay:canary-password@db/shop';

const relayed = (source: ReturnType<typeof outbox>) =>
  definePipeline({ name: 'events', source, input: z.object({}), handle: () => of(1) });

const problemsOf = (define: () => unknown): readonly string[] => {
  try {
    define();
  } catch (error) {
    if (error instanceof DefinitionError) return error.problems.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
};

describe('outbox', () => {
  it('is a queue of the pipeline, with retries and dead letters, fed from the table', () => {
    const { source } = relayed(outbox({ url: URL, retry: { delays: ['5s'] } }));
    expect(source.name).to.equal('events.outbox');
    expect(source.feeder?.title).to.equal('outbox outbox');
    expect(sourceTopology(source).queues.map(({ name }) => name)).to.deep.equal([
      'events.outbox.dead',
      'events.outbox',
      'events.outbox.delay.5s',
    ]);
    expect(relayed(outbox({ url: URL, table: 'shop.outbox', queue: 'own' })).source.name).to.equal('own');
  });

  it('refuses wrong options, all at once, and shows no URL', () => {
    const wrong = {
      url: 'https://relay:canary-password@db',
      table: 'Out box; DROP',
      sentRows: 'keep',
      batch: 0,
      poll: '1ms',
    };
    const problems = problemsOf(() => outbox(wrong as never));
    expect(problems.map((problem) => problem.split(':')[0])).to.deep.equal([
      'url',
      'table',
      'sentRows',
      'batch',
      'poll',
    ]);
    expect(problems.join('\n'))
      .to.match(/must be a URL that begins with postgres/)
      .and.not.match(/canary/);
  });

  it('is checked before anything runs: the URL of the environment, and a secret that is none', () => {
    const missing = relayed(outbox({ url: env.secret('SLUICE_SPEC_NO_SUCH_DATABASE') }));
    const wrong = relayed(outbox({ url: new Secret('mysql://canary') }));
    const right = relayed(outbox({ url: new Secret(URL) }));
    expect(
      feederProblems([missing, wrong, right]).map(({ subject, path, message }) => [subject, path, message]),
    ).to.deep.equal([
      [
        'environment',
        'SLUICE_SPEC_NO_SUCH_DATABASE',
        'is not set; set SLUICE_SPEC_NO_SUCH_DATABASE, or SLUICE_SPEC_NO_SUCH_DATABASE_FILE to a file that holds it',
      ],
      ['outbox "outbox"', 'url', 'must be a URL that begins with postgres:// or postgresql://'],
    ]);
    expect(() => wrong.source.feeder?.check?.()).to.throw(ConfigError);
  });
});
