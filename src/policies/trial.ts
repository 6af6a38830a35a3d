/**
 * The trial of a half-open circuit: so many probes in all, judged as soon as those that are still to come cannot change the verdict.
 * That is earlier than resilience4j, which waits for all of them, and the same verdict.
 */

export class Trial {
  readonly #probes: number;
  readonly #mayFail: number;
  readonly #mayBeSlow: number;
  #running = 0;
  #ended = 0;
  #failures = 0;
  #slow = 0;

  /** Fails with more than `mayFail` failures or more than `mayBeSlow` slow calls among `probes`. */
  constructor(probes: number, mayFail: number, mayBeSlow: number) {
    this.#probes = probes;
    this.#mayFail = mayFail;
    this.#mayBeSlow = mayBeSlow;
  }

  get hasFreeProbe(): boolean {
    return this.#running + this.#ended < this.#probes;
  }

  /** Takes a probe, if there is one. */
  begin(): boolean {
    if (!this.hasFreeProbe) return false;
    this.#running++;
    return true;
  }

  record(isFailure: boolean, isSlow: boolean): 'failed' | 'passed' | undefined {
    this.#running--;
    this.#ended++;
    if (isFailure) this.#failures++;
    if (isSlow) this.#slow++;
    if (this.#failures > this.#mayFail || this.#slow > this.#mayBeSlow) return 'failed';
    const toCome = this.#probes - this.#ended;
    const isCertain = this.#failures + toCome <= this.#mayFail && this.#slow + toCome <= this.#mayBeSlow;
    return isCertain ? 'passed' : undefined;
  }

  giveBack(): void {
    this.#running--;
  }
}
