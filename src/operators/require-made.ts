/** The check that an operator is given what it shares: whoever gives the options of that instead would hear of it at the first value. */
import { kindOf } from '../message/class-of.ts';

/** @throws TypeError that names the operator and what makes what it takes. */
export function requireMade(operator: string, maker: string, shared: { readonly run: unknown }): void {
  const given: unknown = shared;
  if (typeof given === 'object' && given !== null && 'run' in given && typeof given.run === 'function') return;
  throw new TypeError(`${operator}: expected what ${maker} makes, got ${kindOf(given)}`);
}
