import { expect } from 'chai';
import { of } from 'rxjs';
import { z } from 'zod';
import { queue } from '../../src/broker/queue.ts';
import { describeProblem } from '../../src/errors.ts';
import { clientKeys } from '../../src/ingress/client-keys.ts';
import type { IngressOptions } from '../../src/ingress/ingress.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { Secret, type Setting } from '../../src/setting.ts';
import { entranceProblems, openToAll } from '../../src/worker/entrances.ts';

const entered = (name: string, ingress?: IngressOptions<number>) =>
  definePipeline({
    name,
    source: queue(name),
    input: z.object({}),
    handle: () => of(1),
    ...(ingress === undefined ? {} : { ingress }),
  });

describe('entrances', () => {
  it('have a path each, whatever its case', () => {
    const problems = entranceProblems([
      entered('a', { path: '/orders' }),
      entered('b', { method: 'PUT', path: '/Orders' }),
      entered('c'),
    ]);
    expect(problems.map(describeProblem)).to.deep.equal([
      'pipeline "b": ingress.path: "/Orders" is that of pipeline "a" too; each needs its own',
    ]);
  });

  it('tell every setting that is missing', () => {
    const short: Setting<Secret> = { kind: 'setting', name: 'SHOP_KEY', read: () => new Secret('short') };
    const auth = clientKeys({ shop: short });
    const problems = entranceProblems([entered('a', { path: '/a', auth }), entered('b', { path: '/b', auth })]);
    expect(problems.map(({ path }) => path)).to.deep.equal(['SHOP_KEY', 'SHOP_KEY']);
  });

  it('B40: say who may come where other machines reach them', () => {
    const pipelines = [
      entered('open', { path: '/a' }),
      entered('anybody', { path: '/b', auth: 'none' }),
      entered('keys', { path: '/c', auth: clientKeys({ shop: new Secret('0123456789abcdef') }) }),
    ];
    for (const host of ['127.0.0.1', 'localhost', '::1', '[::1]', '127.3.2.1'])
      expect([host, openToAll(pipelines, host)]).to.deep.equal([host, []]);
    for (const host of ['0.0.0.0', '::', '10.0.0.1', 'example.com', '127.0.0.1.example.com'])
      expect([host, openToAll(pipelines, host).map(({ subject }) => subject)]).to.deep.equal([
        host,
        ['pipeline "open"'],
      ]);
  });
});
