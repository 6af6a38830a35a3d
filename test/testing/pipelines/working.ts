/** What specs of the kit share: pipelines small enough to see through, and what a failing test throws. */
import { AssertionError } from 'node:assert';
import { expect } from 'chai';
import { defineApi, definePipeline, exchange, type PipelineOptions, queue } from 'sluice';
import { marbles, type PipelineTestOptions, type VirtualPipelineKit } from 'sluice/testing';
import { z } from 'zod';

export const text = (...lines: string[]): string => lines.join('\n');

export const Work = z.object({ n: z.number() });
export const pay = defineApi('pay', { baseUrl: 'http://localhost:1', timeout: '5s', retry: false });
export const ledger = defineApi('ledger', { baseUrl: 'http://localhost:2', retry: false });
export const apis = { pay, ledger };
export const done = exchange('out', 'done');
export const source = queue('work', { retry: { delays: ['5s', '1m'] } });

type Handle = PipelineOptions<typeof Work, typeof apis, unknown>['handle'];
export const working = (handle: Handle) =>
  definePipeline({ name: 'work', source, input: Work, apis, needs: [], handle, output: () => done });
export const paying = working(({ n }, { apis: { pay: api } }) => api.post('/pay', { n }));

export type Kit = VirtualPipelineKit<'pay' | 'ledger'>;
type Test = (kit: Kit) => void;

/** What a failing test throws. */
export function failureOf(pipeline: ReturnType<typeof working>, test: Test, options: PipelineTestOptions = {}): Error {
  try {
    marbles(pipeline, options, test)();
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error('the marble test passes');
}

/** The differences a failing test prints. */
export function printedBy(pipeline: ReturnType<typeof working>, test: Test, options?: PipelineTestOptions): string {
  const failure = failureOf(pipeline, test, options);
  expect(failure).to.be.instanceOf(AssertionError);
  return failure.message;
}

export const passes = (pipeline: ReturnType<typeof working>, test: Test, options: PipelineTestOptions = {}) =>
  marbles(pipeline, options, test);

export const a = { n: 1 };
export const b = { n: 2 };
