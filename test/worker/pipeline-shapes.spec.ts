/** What the dashboard is told of pipelines before anything has happened. */
import { expect } from 'chai';
import { z } from 'zod';
import { queue } from '../../src/broker/queue.ts';
import { defineApi } from '../../src/http/define-api.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { pipelineShapes } from '../../src/worker/pipeline-shapes.ts';

const api = (name: string, options: Partial<Parameters<typeof defineApi>[1]> = {}) =>
  defineApi(name, { baseUrl: 'https://api.example', ...options });

describe('the shape of a pipeline', () => {
  it('has the calls that each API may have at once, and what an adaptive one begins with', () => {
    const apis = {
      plain: api('plain'),
      narrow: api('narrow', { concurrency: 3 }),
      adaptive: api('adaptive', { concurrency: { adaptive: 'gradient' } }),
      bounded: api('bounded', { concurrency: { adaptive: 'aimd', max: 8 } }),
      begun: api('begun', { concurrency: { adaptive: 'vegas', initial: 5 } }),
    };
    const shapes = pipelineShapes([
      definePipeline({ name: 'calls', source: queue('calls'), input: z.unknown(), apis, handle: () => [] }),
    ]);
    expect(shapes.flatMap((shape) => shape.apis.map(({ name, limit }) => [name, limit]))).to.deep.equal([
      ['plain', 64],
      ['narrow', 3],
      ['adaptive', 20],
      ['bounded', 8],
      ['begun', 5],
    ]);
  });
});
