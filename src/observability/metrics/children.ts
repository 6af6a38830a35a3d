/**
 * What an instrument counts, by label values: a tree with a level for each label, so that finding a child makes neither a key nor an array
 * that is kept. Bounded, so that a mistake somewhere else cannot fill a Prometheus.
 */

/**
 * Combinations an instrument has at most for each value of its first label, which is a name of the configuration: a pipeline, an API. What
 * comes after them is counted as `other` of that name, so that no pipeline takes the room of another.
 */
export const MAX_CHILDREN_OF_ONE = 500;
/** The same for all names together; what comes after them is `other` in every label. */
export const MAX_CHILDREN = 10_000;

const OTHER = 'other';

interface Branch<Child> {
  child: Child | undefined;
  readonly next: Map<string, Branch<Child>>;
}

export class Children<Child> {
  readonly #make: () => Child;
  readonly #root: Branch<Child> = { child: undefined, next: new Map() };
  readonly #all: { readonly values: readonly string[]; readonly child: Child }[] = [];
  readonly #ofOne = new Map<string, number>();

  constructor(make: () => Child) {
    this.#make = make;
  }

  /** The child for these values, in the order of the labels; made at the first time. */
  of(values: readonly string[]): Child {
    return this.#find(values) ?? this.#add(values);
  }

  /** Each child with its label values, in the order they came. */
  all(): Iterable<{ readonly values: readonly string[]; readonly child: Child }> {
    return this.#all;
  }

  #find(values: readonly string[]): Child | undefined {
    let branch: Branch<Child> | undefined = this.#root;
    for (let label = 0; label < values.length && branch !== undefined; label++)
      branch = branch.next.get(values[label] ?? '');
    return branch?.child;
  }

  #add(values: readonly string[]): Child {
    const [first = ''] = values;
    const siblings = this.#ofOne.get(first) ?? 0;
    if (this.#all.length >= MAX_CHILDREN) return this.#other(values.map(() => OTHER));
    if (siblings >= MAX_CHILDREN_OF_ONE)
      return this.#other(values.map((value, label) => (label === 0 ? value : OTHER)));
    this.#ofOne.set(first, siblings + 1);
    return this.#keep(values);
  }

  #other(values: readonly string[]): Child {
    return this.#find(values) ?? this.#keep(values);
  }

  #keep(values: readonly string[]): Child {
    const child = this.#make();
    this.#all.push({ values, child });
    let branch = this.#root;
    for (const value of values) {
      const next = branch.next.get(value) ?? { child: undefined, next: new Map() };
      branch.next.set(value, next);
      branch = next;
    }
    branch.child = child;
    return child;
  }
}
