/** Counters that are looked at again and again, as rates: of each, how much it grew in a second since the look before. */

export class Rates {
  readonly #before = new Map<string, { readonly at: number; readonly count: number }>();

  /** Per second; undefined at the first look, and after the counter began anew. */
  of(name: string, count: number, at: number): number | undefined {
    const before = this.#before.get(name);
    if (before !== undefined && at <= before.at) return undefined;
    this.#before.set(name, { at, count });
    if (before === undefined || count < before.count) return undefined;
    return ((count - before.count) * 1_000) / (at - before.at);
  }
}

/** `1 204/s`, `0.4/s`, `–` where it is not known. */
export function rateText(rate: number | undefined): string {
  if (rate === undefined) return '–';
  return `${rate === 0 || rate >= 10 ? Math.round(rate).toLocaleString('en').replaceAll(',', ' ') : rate.toFixed(1)}/s`;
}
