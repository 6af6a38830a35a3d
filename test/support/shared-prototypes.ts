/** The prototypes every object shares, as they were: what pollutes them would be read everywhere. */

const SHARED = {
  Object: Object.prototype,
  Array: Array.prototype,
  Function: Function.prototype,
  String: String.prototype,
};

const keysOf = (prototype: object): readonly PropertyKey[] => Reflect.ownKeys(prototype);

export class SharedPrototypes {
  readonly #known = new Map(Object.entries(SHARED).map(([name, prototype]) => [name, new Set(keysOf(prototype))]));

  /** @throws Error naming what was added since, which is taken away again: the next test is not to blame. */
  requireUntouched(): void {
    const added: string[] = [];
    for (const [name, prototype] of Object.entries(SHARED))
      for (const key of keysOf(prototype))
        if (this.#known.get(name)?.has(key) === false) {
          added.push(`${name}.prototype.${String(key)}`);
          Reflect.deleteProperty(prototype, key);
        }
    if (added.length > 0) throw new Error(`prototypes were polluted: ${added.join(', ')}`);
  }
}
