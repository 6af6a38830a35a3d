/** From a step's options to the step as it runs: what may be in them, and what is meant where something is left out. */
import { z } from 'zod';
import { zodSchema } from '../definition.ts';
import { exponentialBackoff } from '../policies/backoff.ts';
import { type Duration, durationMs } from '../policies/duration.ts';
import { durationSchema } from '../policies/duration-schema.ts';
import type { SagaStep } from './saga-plan.ts';
import type { StepTrying } from './step-options.ts';

const work = z.custom((value) => typeof value === 'function', {
  error: 'expected a function ({ input, apis, results }) => Observable or Promise',
});

const BACKOFF = { initial: '200ms', max: '5s' } as const;

const forward = {
  run: work,
  when: z
    .custom((value) => typeof value === 'function', { error: 'expected a function ({ input, results }) => boolean' })
    .optional(),
  result: zodSchema().optional(),
  timeout: durationSchema().optional(),
  retry: z
    .strictObject({
      maxAttempts: z.int().min(1),
      backoff: z.strictObject({ initial: durationSchema().optional(), max: durationSchema().optional() }).optional(),
    })
    .optional(),
};

const both = z.strictObject({ ...forward, compensate: work.optional(), undoInDoubt: work.optional() });

const none = z
  .custom((value) => value === undefined, { error: 'expected none: after the point of no return nothing is undone' })
  .optional();

/** After the point of no return there is nothing to undo. */
export const stepsSchema = (isForward: boolean): z.ZodType =>
  isForward ? z.strictObject({ ...forward, compensate: none, undoInDoubt: none }) : both;

/** @param options As `stepsSchema` has found them right. */
export function planStep(name: string, options: unknown): SagaStep {
  const given = options as Partial<SagaStep> &
    Pick<SagaStep, 'run'> &
    Pick<StepTrying, 'timeout'> & { readonly retry?: StepTrying['retry'] };
  const { run, compensate, undoInDoubt, when, result, timeout, retry } = given;
  const { initial = BACKOFF.initial, max = BACKOFF.max } = retry?.backoff ?? {};
  const initialMs = milliseconds(initial);
  return {
    name,
    run,
    compensate,
    undoInDoubt,
    when,
    result,
    retry: {
      maxAttempts: retry?.maxAttempts ?? 1,
      // No randomness here: the calls of a step have retries with jitter of their own.
      backoff: exponentialBackoff(
        { initialMs, maxMs: Math.max(initialMs, milliseconds(max)), jitter: 'none' },
        () => 0,
      ),
      attemptTimeout: timeout,
    },
  };
}

const milliseconds = (duration: Duration): number => durationMs(duration);
