/** What a test of pipelines may set, and its defaults. */

import type { CallTarget } from '../../http/call-target.ts';
import { isPipeline, type Pipeline } from '../../pipeline/pipeline.ts';
import { type Duration, durationMs } from '../../policies/duration.ts';
import type { Random } from '../../policies/random.ts';
import { seededRandom } from '../virtual/seeded-random.ts';
import { checkNames, type Names } from './known-names.ts';

export interface PipelineTestOptions {
  /** Of the randomness behind jitter and names. Integer. Default: 1. */
  readonly seed?: number;
  /** The randomness itself, in place of a seed: `() => 0.5` makes every full jitter half of its ceiling. */
  readonly random?: Random;
  /** How long virtual time may go on after the last thing the test has planned. Default: 24 hours. */
  readonly within?: Duration;
}

const OPTIONS = { seed: true, random: true, within: true } as const satisfies Names<PipelineTestOptions>;

/** A pipeline whose APIs have these names. */
export type PipelineOf<Names extends string> = Pipeline & {
  readonly apis: { readonly [Name in Names]?: CallTarget };
};

/** One pipeline, or several that feed each other. */
export type Rehearsed<Names extends string> = PipelineOf<Names> | readonly PipelineOf<Names>[];

/** @throws TypeError for what is no pipeline, which whoever has no types is told by nobody else. */
export function readPipelines(rehearsed: Rehearsed<string>): readonly Pipeline[] {
  return [rehearsed].flat().map((one: unknown) => {
    if (isPipeline(one)) return one;
    throw new TypeError(`expected a pipeline made by definePipeline(), got ${whatItIs(one)}`);
  });
}

function whatItIs(value: unknown): string {
  if (value === undefined) return 'undefined: what is imported has no export of that name';
  const members = typeof value === 'object' && value !== null ? value : {};
  if ('default' in members && isPipeline(members.default))
    return 'the module that exports one: import its default; where it is that already, package.json lacks "type": "module"';
  return typeof value === 'object' ? 'something else' : `a ${typeof value}`;
}

export interface ReadOptions {
  readonly random: Random;
  readonly withinMs: number;
}

/** @throws TypeError for an option that does not exist. */
export function readOptions(options: PipelineTestOptions): ReadOptions {
  checkNames('options', options, OPTIONS);
  const { seed = 1, random = seededRandom(seed), within = '24h' } = options;
  return { random, withinMs: durationMs(within) };
}
