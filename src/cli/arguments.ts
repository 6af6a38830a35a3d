/** How the command line reads options. */
import { availableParallelism } from 'node:os';
import { InvalidArgumentError } from 'commander';
import { DURATION_EXPECTED, type Duration, isDuration } from '../policies/duration.ts';

/** An option that may be given several times. */
export const collected = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

export function atLeastOne(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected an integer from 1 to 999999999.');
}

export function duration(text: string): Duration {
  if (isDuration(text, { zero: true })) return text;
  throw new InvalidArgumentError(`Expected ${DURATION_EXPECTED}.`);
}

const MAX_WORKERS = 256;

/** A number of processes; `auto` is one for each core this process may use. */
export function workers(text: string): number {
  if (text === 'auto') return availableParallelism();
  const count = Number(text);
  if (/^[1-9]\d{0,2}$/.test(text) && count <= MAX_WORKERS) return count;
  throw new InvalidArgumentError(`Expected an integer from 1 to ${MAX_WORKERS}, or auto.`);
}

export function port(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError('Expected a port number from 0 (any free one) to 65535.');
}
