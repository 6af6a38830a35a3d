import { expect } from 'chai';
import { of } from 'rxjs';
import { z } from 'zod';
import { queue } from '../../src/broker/queue.ts';
import { ConfigError, DefinitionError, type Problem } from '../../src/errors.ts';
import { clientKeys } from '../../src/ingress/client-keys.ts';
import type { IngressOptions } from '../../src/ingress/ingress.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { Secret, type Setting } from '../../src/setting.ts';
import { every } from '../../src/sources/every.ts';

const problemsOf = (define: () => unknown): readonly string[] => {
  try {
    define();
    return [];
  } catch (error) {
    if (!(error instanceof DefinitionError || error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }: Problem) => `${path}: ${message}`);
  }
};

const entered = (ingress: IngressOptions<number>, more: { replyTo?: string[]; maxMessageBytes?: number } = {}) =>
  definePipeline({ name: 'p', source: queue('p'), input: z.object({}), handle: () => of(1), ingress, ...more });

describe('ingress of a pipeline', () => {
  it('has defaults', () => {
    const { ingress } = entered({ path: '/v1/orders' }, { maxMessageBytes: 100_000 });
    expect(ingress).to.deep.include({
      method: 'POST',
      path: '/v1/orders',
      auth: undefined,
      waitMs: 0,
      maxWaitMs: 30_000,
      rateLimit: undefined,
      maxBodyBytes: 100_000,
    });
    expect(ingress?.respond(1)).to.deep.equal({ status: 200, body: 1 });
    expect(entered({ path: '/a', rateLimit: { requests: 5, per: '1s' } }).ingress?.rateLimit).to.deep.equal({
      requests: 5,
      periodMs: 1_000,
      burst: 5,
    });
  });

  it('takes no path that is ambiguous, encoded, or the door’s own', () => {
    for (const path of [
      '',
      'orders',
      '/',
      '/orders/',
      '//a',
      '/a/../b',
      '/.',
      '/a b',
      '/%41',
      '/:id',
      '/*',
      '/a?b',
      '/a#b',
      '/ü',
      '/openapi.json',
      '/livez',
    ])
      expect([path, problemsOf(() => entered({ path })).length > 0]).to.deep.equal([path, true]);
    for (const path of ['/orders', '/v1/orders.json', '/a-b_c~d'])
      expect(problemsOf(() => entered({ path }))).to.deep.equal([]);
  });

  it('names every mistake at once', () => {
    const wrong = {
      path: 'orders',
      method: 'GET',
      wait: '2m',
      maxWait: 0,
      auth: 'nobody',
      rateLimit: { requests: 0, per: '1s' },
      responses: { 99: z.string(), 200: 'text' },
      respond: 5,
      cors: true,
    };
    const paths = problemsOf(() => entered(wrong as never)).map((line) => line.slice(0, line.indexOf(':')));
    expect(paths).to.include.members([
      'ingress.method',
      'ingress.path',
      'ingress.auth',
      'ingress.wait',
      'ingress.maxWait',
      'ingress.rateLimit.requests',
      'ingress.responses.99',
      'ingress.responses.200',
      'ingress.respond',
      'ingress.cors',
    ]);
    expect(problemsOf(() => entered({ path: '/a', wait: '40s' }))).to.deep.equal([
      "ingress.wait: may be at most maxWait, '30s' by default",
    ]);
    expect(problemsOf(() => entered({ path: '/a', wait: '90s' }))).to.deep.equal([
      "ingress.wait: expected at most '60s': longer than that, ask the status link, got '90s'",
    ]);
  });

  it('fits the pipeline: its source, its reply-to, its largest message', () => {
    expect(
      problemsOf(() =>
        entered({ path: '/a', maxBodyBytes: 2_000 }, { replyTo: ['answers.*'], maxMessageBytes: 1_000 }),
      ),
    ).to.deep.equal([
      "replyTo: expected 'amq.*' among the patterns: the front door is answered there",
      'ingress.maxBodyBytes: expected at most maxMessageBytes, 1000, got 2000',
    ]);
    expect(
      problemsOf(() =>
        definePipeline({ name: 'p', source: every('1m'), handle: () => of(1), ingress: { path: '/a' } }),
      ),
    ).to.deep.equal(['ingress: expected a source made by queue() or partitioned(): this one feeds itself']);
  });
});

describe('clientKeys', () => {
  it('takes secrets and settings by client, and no text in clear, which it does not repeat', () => {
    const clear = 'in-the-clear-0123456789';
    const problems = problemsOf(() => clientKeys({ 'a b': new Secret('x'), shop: clear, none: [] } as never, {}));
    expect(problems).to.have.length(3);
    expect(problems.join()).to.not.include(clear);
    expect(problemsOf(() => clientKeys({}))).to.have.length(1);
    expect(problemsOf(() => clientKeys({ a: new Secret('0123456789abcdef') }, { header: 'a b' }))).to.have.length(1);
  });

  it('opens with keys that are long, and of one client each', () => {
    const short: Setting<Secret> = { kind: 'setting', name: 'SHOP_KEY', read: () => new Secret('short') };
    const same = new Secret('0123456789abcdef');
    const problems = problemsOf(() => clientKeys({ shop: short, a: same, b: same }).open());
    expect(problems).to.deep.equal([
      'SHOP_KEY: expected a key of at least 16 characters',
      'b: has the same key as a; each needs one of its own',
    ]);
  });
});
