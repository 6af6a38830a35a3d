import { expect } from 'chai';
import { EMPTY } from 'rxjs';
import { z } from 'zod';
import { queue } from '../../src/broker/queue.ts';
import { startWarnings, warnOfSlowPatterns } from '../../src/cli/start-warnings.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';

describe('warnings of patterns', () => {
  const of = (name: string, input: z.ZodType) =>
    definePipeline({ name, source: queue(name), input, handle: () => EMPTY });
  const sku = /^(a+)+$/;
  const endless = (): z.ZodType =>
    z.object({
      v: z.string().regex(/^(a+)+$/),
      get kids() {
        return z.array(endless());
      },
    });
  const pipelines = [
    of('endless', endless()),
    of('twice', z.object({ list: z.array(z.string().regex(sku)), code: z.string().regex(sku) })),
    of('once', z.union([z.string().regex(sku), z.array(z.string().regex(/^b+$/))])),
  ];

  it('B14: name each pattern of a pipeline once, where it is outermost, and in how many more places it is', () => {
    expect(
      startWarnings({ amqpUrls: undefined }, pipelines).map(({ subject, path, message }) => [
        subject,
        path,
        message.slice(0, message.indexOf(' may have')),
      ]),
    ).to.deep.equal([
      ['pipeline "endless"', 'input.v', '/^(a+)+$/ (and in 99 more places)'],
      ['pipeline "twice"', 'input.code', '/^(a+)+$/ (and in 1 more place)'],
      ['pipeline "once"', 'input', '/^(a+)+$/'],
    ]);
  });

  it('B14: do so in the log', () => {
    const told: object[] = [];
    warnOfSlowPatterns(pipelines, { warn: (facts: object) => told.push(facts) } as never);
    expect(told).to.deep.equal([
      {
        patterns: [
          'endless: input.v /^(a+)+$/ (and in 99 more places)',
          'twice: input.code /^(a+)+$/ (and in 1 more place)',
          'once: input /^(a+)+$/',
        ],
      },
    ]);
  });
});
