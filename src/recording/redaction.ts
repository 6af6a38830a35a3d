/**
 * What of a value may be written: what its schema describes, save secrets, and takes. Everything else gets a stand-in, the same one wherever the value
 * appears again, so that a pipeline that is handed stand-ins does what it did with the originals.
 *
 * A field is a secret when its schema says so, `z.string().meta({ secret: true })`, or its name does, `password`; `secret: false` takes the
 * latter back. What no schema describes, `z.unknown()` among it, counts as a secret.
 */
import { z } from 'zod';
import { NOT_RECORDED } from './recording.ts';
import { describesLeaf, elementOf, innerOf, keysOf, memberOf, type Schema, takes } from './schema-parts.ts';
import { isSecretName } from './secret-names.ts';
import { standInFor } from './stand-in.ts';

/** What was kept back of one message: its texts, and their stand-ins. */
export type KeptBack = Map<string, string>;

/** Stands in what was kept back for all booleans: no text to look for. */
const A_BOOLEAN = '';

/** Shorter ones are found in any text. */
const SHORTEST_TO_FIND = 4;

/** What a recorder may write of the values that pass it. */
export interface ValueRules {
  /**
   * The value as it may be written. `keptBack` gets the texts that were not. `derived`: as it was written before, where it is a result: what no schema
   * describes stays what it was there, so that a result is the same wherever it is written.
   */
  described(schema: Schema | undefined, value: unknown, keptBack: KeptBack, derived?: unknown): unknown;
  /**
   * A value a handle made, of which no schema knows: a request, a result. Where nothing was kept back of its message it is written as it is.
   * Otherwise only values that are known from elsewhere are; what else it holds might be made of a secret. The same goes, always, for what a
   * member holds whose name says that it is one: a key out of the settings, say.
   */
  derived(value: unknown, keptBack: KeptBack): unknown;
  /** What was `derived` of a value, without what a schema calls a secret: that of whoever takes the value, if not of who made it. */
  withoutSecrets(schema: Schema, value: unknown, derived: unknown): unknown;
  /** An id, an address: written, with the secrets in it replaced. */
  text(text: string, keptBack: KeptBack): string;
}

/** Everything as it is: for what holds stand-ins already. */
export const EVERYTHING: ValueRules = {
  described: (_schema, value) => value,
  derived: (value) => value,
  withoutSecrets: (_schema, _value, derived) => derived,
  text: (text) => text,
};

/** One for a recording: holds every value that was written and every one that was kept back, and so no more than the recording's bound. */
export class Redaction implements ValueRules {
  readonly #standIns = new Map<string | number, string | number>();
  readonly #written = new Set<string | number>();

  described(schema: Schema | undefined, value: unknown, keptBack: KeptBack, derived?: unknown): unknown {
    // Twice: what is a secret in one place is one in all of them, those before it among them.
    this.#walk(schema, value, false, keptBack, derived);
    return this.#walk(schema, value, false, keptBack, derived);
  }

  derived(value: unknown, keptBack: KeptBack): unknown {
    return this.#derive(value, keptBack, keptBack.size > 0);
  }

  withoutSecrets(schema: Schema, value: unknown, derived: unknown): unknown {
    return this.#strip(schema, value, false, derived);
  }

  text(text: string, keptBack: KeptBack): string {
    const known = this.#standIns.get(text);
    if (known !== undefined) return String(known);
    let clean = text;
    for (const [secret, standIn] of keptBack)
      if (secret.length >= SHORTEST_TO_FIND) clean = clean.replaceAll(secret, () => standIn);
    return clean;
  }

  /** `isGuarded`: only what is known from elsewhere is written. */
  #derive(value: unknown, keptBack: KeptBack, isGuarded: boolean): unknown {
    if (typeof value === 'string' || typeof value === 'number')
      return this.#standIns.get(value) ?? (isGuarded && !this.#written.has(value) ? NOT_RECORDED : value);
    // One boolean is like another: it might be the one that was kept back.
    if (typeof value === 'boolean') return keptBack.has(A_BOOLEAN) ? NOT_RECORDED : value;
    if (Array.isArray(value)) return value.map((item) => this.#derive(item, keptBack, isGuarded));
    if (!isTable(value)) return value;
    const members = Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([name, item]) => [
        this.text(name, keptBack),
        this.#derive(item, keptBack, isGuarded || isSecretName(name)),
      ]);
    return Object.fromEntries(members) as unknown;
  }

  #strip(schema: Schema | undefined, value: unknown, isSecret: boolean, derived: unknown): unknown {
    if (schema === undefined && !isSecret) return derived;
    const isKept = isMarked(schema, isSecret);
    const inner = schema === undefined ? undefined : innerOf(schema, value);
    if (inner !== undefined) return this.#strip(inner, value, isKept, derived);
    if (isLeaf(value)) return isKept && value !== null ? NOT_RECORDED : derived;
    if (Array.isArray(value))
      return value.map((item, at) => this.#strip(schema && elementOf(schema, at), item, isKept, partOf(derived, at)));
    if (!isTable(value)) return derived;
    const members = Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([name, item]) => [
        name,
        this.#strip(schema && memberOf(schema, name), item, isKept || isSecretName(name), partOf(derived, name)),
      ]);
    return Object.fromEntries(members) as unknown;
  }

  #walk(schema: Schema | undefined, value: unknown, isSecret: boolean, keptBack: KeptBack, derived: unknown): unknown {
    if (schema === undefined) return this.#keepBack(undefined, value, keptBack, derived);
    const isKept = isMarked(schema, isSecret);
    const inner = innerOf(schema, value);
    if (inner !== undefined) return this.#walk(inner, value, isKept, keptBack, derived);
    if (isLeaf(value)) {
      // What is no secret to whoever made it may be one to whoever takes it.
      if (isKept) return this.#keepBack(schema, value, keptBack, derived === value ? undefined : derived);
      return describesLeaf(schema) && takes(schema, value)
        ? this.#write(schema, value, keptBack)
        : this.#keepBack(schema, value, keptBack, derived);
    }
    if (Array.isArray(value))
      return value.map((item, at) => this.#walk(elementOf(schema, at), item, isKept, keptBack, partOf(derived, at)));
    if (!isTable(value)) return null;
    const keys = keysOf(schema);
    const members = Object.entries(value).map(([name, item]) => [
      keys === undefined ? name : String(this.#walk(keys, name, isKept, keptBack, undefined)),
      this.#walk(memberOf(schema, name), item, isKept || isSecretName(name), keptBack, partOf(derived, name)),
    ]);
    return Object.fromEntries(members) as unknown;
  }

  /** A text with a secret in it is written with that replaced. */
  #write(schema: Schema, value: unknown, keptBack: KeptBack): unknown {
    const clean = typeof value === 'string' ? this.text(value, keptBack) : value;
    if (clean !== value && !takes(schema, clean)) return this.#keepBack(schema, value, keptBack, undefined);
    return this.#known(clean);
  }

  /** Structure stays, and names of members, and null; the rest gets stand-ins, or what it was written as before. */
  #keepBack(schema: Schema | undefined, value: unknown, keptBack: KeptBack, derived: unknown): unknown {
    if (isLeaf(value) && derived === value) return this.#known(value);
    if (typeof value === 'string' || typeof value === 'number') {
      const isFit = (typeof derived === 'string' || typeof derived === 'number') && passes(schema, derived);
      const standIn = isFit ? derived : this.#standInFor(schema, value);
      keptBack.set(String(value), String(standIn));
      return standIn;
    }
    if (typeof value === 'boolean') {
      keptBack.set(A_BOOLEAN, '');
      return false;
    }
    if (Array.isArray(value))
      return value.map((item, at) => this.#keepBack(undefined, item, keptBack, partOf(derived, at)));
    if (!isTable(value)) return null;
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [
        name,
        this.#keepBack(undefined, item, keptBack, partOf(derived, name)),
      ]),
    );
  }

  #known(value: unknown): unknown {
    if (typeof value === 'string' || typeof value === 'number') this.#written.add(value);
    return value;
  }

  /** The one it has, where that passes here too. */
  #standInFor(schema: Schema | undefined, value: string | number): string | number {
    const known = this.#standIns.get(value);
    if (known !== undefined && passes(schema, known)) return known;
    const standIn = standInFor(value, schema, this.#standIns.size + 1);
    if (known === undefined) this.#standIns.set(value, standIn);
    return standIn;
  }
}

/** What a schema says of itself counts more than what its place says of it. */
function isMarked(schema: Schema | undefined, isSecret: boolean): boolean {
  const mark = schema === undefined ? undefined : z.globalRegistry.get(schema)?.secret;
  return typeof mark === 'boolean' ? mark : isSecret;
}

const passes = (schema: Schema | undefined, value: unknown): boolean => schema === undefined || takes(schema, value);

const partOf = (value: unknown, name: string | number): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;

const isLeaf = (value: unknown): boolean => value === null || typeof value !== 'object';

const isTable = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !ArrayBuffer.isView(value);
