/** The check of options that are shares. Wrong ones fail where the operator is made, naming the option and showing the value. */

/** @throws RangeError unless `value` is above 0 and at most 1. */
export function requireRatio(option: string, value: number): void {
  if (!(value > 0 && value <= 1)) throw new RangeError(`${option}: expected a number above 0, at most 1, got ${value}`);
}
