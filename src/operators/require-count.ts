/** The check of options that are counts. Wrong ones fail where the operator is made, naming the option and showing the value. */

/** @throws RangeError unless `value` is an integer of at least `least`, or Infinity. */
export function requireCount(option: string, value: number, least: number): void {
  if (value >= least && (Number.isInteger(value) || value === Number.POSITIVE_INFINITY)) return;
  throw new RangeError(`${option}: expected an integer of at least ${least}, got ${value}`);
}
