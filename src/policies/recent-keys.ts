/** Which keys were seen within the last while. Pure: the time is an argument. Bounded by time and by number. */

interface Seen<K> {
  readonly key: K;
  readonly at: number;
}

export class RecentKeys<K> {
  readonly #ttlMs: number;
  readonly #maxKeys: number;
  readonly #seenAt = new Map<K, number>();
  /** In the order they were seen, which is the order they are forgotten in; what stands before `#head` is forgotten. */
  #line: Seen<K>[] = [];
  #head = 0;

  /** Keys are remembered for `ttlMs`, the latest `maxKeys` of them. */
  constructor(ttlMs: number, maxKeys: number) {
    this.#ttlMs = ttlMs;
    this.#maxKeys = maxKeys;
  }

  /** Keys remembered, those that ran out since the last question included. */
  get size(): number {
    return this.#seenAt.size;
  }

  /**
   * Whether `key` was seen less than `ttlMs` ago; if not, it is seen now. Being asked for again does not renew the time, so a key that
   * never stops coming is new once every `ttlMs`. Keys are compared as a `Map` does.
   */
  isRepeat(key: K, now: number): boolean {
    this.#forgetUntil(now - this.#ttlMs);
    if (this.#seenAt.has(key)) return true;
    if (this.#ttlMs === 0) return false;
    if (this.#seenAt.size >= this.#maxKeys) this.#forgetOldest();
    this.#seenAt.set(key, now);
    this.#line.push({ key, at: now });
    return false;
  }

  #forgetUntil(moment: number): void {
    for (let oldest = this.#line[this.#head]; oldest !== undefined && oldest.at <= moment; ) {
      this.#forgetOldest();
      oldest = this.#line[this.#head];
    }
  }

  #forgetOldest(): void {
    const oldest = this.#line[this.#head];
    if (oldest === undefined) return;
    this.#seenAt.delete(oldest.key);
    this.#head++;
    // Moving the rest to the front only when half is gone costs each key one move on average.
    if (this.#head * 2 >= this.#line.length) {
      this.#line = this.#line.slice(this.#head);
      this.#head = 0;
    }
  }
}
