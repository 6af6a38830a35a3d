/**
 * What an instrument counts, by label values: a tree with a level for each label, so that finding a child makes neither a key nor an array
 * that is kept. Bounded, so that a mistake somewhere else cannot fill a Prometheus.
 */

/** Combinations of label values an instrument has at most; what comes after them is counted as `other`. */
export const MAX_CHILDREN = 500;

const OTHER = 'other';

interface Branch<Child> {
  child: Child | undefined;
  readonly next: Map<string, Branch<Child>>;
}

export class Children<Child> {
  readonly #make: () => Child;
  readonly #root: Branch<Child> = { child: undefined, next: new Map() };
  readonly #all: { readonly values: readonly string[]; readonly child: Child }[] = [];
  #other: Child | undefined;

  constructor(make: () => Child) {
    this.#make = make;
  }

  /** The child for these values, in the order of the labels; made at the first time. */
  of(values: readonly string[]): Child {
    let branch: Branch<Child> | undefined = this.#root;
    for (let label = 0; label < values.length && branch !== undefined; label++)
      branch = branch.next.get(values[label] ?? '');
    return branch?.child ?? this.#add(values);
  }

  /** Each child with its label values, in the order they came. */
  all(): Iterable<{ readonly values: readonly string[]; readonly child: Child }> {
    return this.#all;
  }

  #add(values: readonly string[]): Child {
    if (this.#all.length >= MAX_CHILDREN) {
      this.#other ??= this.#keep(values.map(() => OTHER));
      return this.#other;
    }
    const child = this.#keep(values);
    let branch = this.#root;
    for (const value of values) {
      const next = branch.next.get(value) ?? { child: undefined, next: new Map() };
      branch.next.set(value, next);
      branch = next;
    }
    branch.child = child;
    return child;
  }

  #keep(values: readonly string[]): Child {
    const child = this.#make();
    this.#all.push({ values, child });
    return child;
  }
}
