/**
 * One process of a simulated world, as what runs in it sees time: what it schedules is its own, and while it is paused (SIGSTOP, a frozen machine)
 * neither its timers nor what comes from outside gets through. The world and the other processes go on.
 */

interface Waiting {
  readonly work: () => void;
}

/** Whose code runs now; undefined for the world's. */
let current: Turn | undefined;

export class Turn {
  #isPaused = false;
  #waiting = new Set<Waiting>();

  /** Whose code runs now. */
  static get current(): Turn | undefined {
    return current;
  }

  /** Runs what belongs to nobody: what it schedules goes on while its caller is paused. */
  static outside<T>(work: () => T): T {
    return running(undefined, work);
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Runs work of this process now, or when it wakes. @returns what takes it back while it waits. */
  run(work: () => void): () => void {
    if (!this.#isPaused) {
      running(this, work);
      return () => {};
    }
    const waiting: Waiting = { work };
    this.#waiting.add(waiting);
    return () => {
      this.#waiting.delete(waiting);
    };
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** Everything that came meanwhile happens now, in the order in which it came. */
  wake(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const each of waiting) {
      // Paused again by what it did: the rest waits on, before what comes next.
      if (this.#isPaused) this.#waiting.add(each);
      else running(this, each.work);
    }
  }
}

function running<T>(turn: Turn | undefined, work: () => T): T {
  const before = current;
  current = turn;
  try {
    return work();
  } finally {
    current = before;
  }
}
