/** The check that an operator is given what it shares: whoever gives the options of that instead would hear of it at the first value. */

/** @throws TypeError that names the operator and what makes what it takes. */
export function requireMade(operator: string, maker: string, shared: { readonly run: unknown }): void {
  const given: unknown = shared;
  if (typeof given === 'object' && given !== null && 'run' in given && typeof given.run === 'function') return;
  throw new TypeError(`${operator}: expected what ${maker} makes, got ${kindOf(given)}`);
}

/** Values are not shown: what stands in the place of options may be a URL with its password, or a message. */
export function kindOf(given: unknown): string {
  if (given === undefined || given === null) return String(given);
  if (typeof given !== 'object') return `a ${typeof given}`;
  const names = Object.keys(given).slice(0, 10).join(', ');
  return names === '' ? 'an object' : `an object with ${names}`;
}
