/** Randomness that repeats: the same seed gives the same numbers on every machine. */
import type { Random } from '../../policies/random.ts';

/**
 * Numbers from 0 (included) to 1 (excluded). Not for secrets.
 * @param seed any integer; taken modulo 2^32.
 * @see https://github.com/bryc/code/blob/master/jshash/PRNGs.md "Mulberry32", public domain, by Tommy Ettinger
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
