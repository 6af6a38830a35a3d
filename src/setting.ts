/**
 * A value that is read from the environment when the worker starts, not when a module is loaded.
 * So a missing variable is one line in a list of problems, and a test never needs the environment.
 */
import { inspect } from 'node:util';

/** A named value of the environment. */
export interface Setting<T> {
  readonly kind: 'setting';
  /** Name of the environment variable. */
  readonly name: string;
  /**
   * The value as it is now.
   * @throws ConfigError when it is missing or malformed.
   */
  read(): T;
  /** Whether it may read otherwise later: its value stands in a file, which is replaced while the worker runs. Default: it does not. */
  readonly canChange?: (() => boolean) | undefined;
}

/** Whether a value may be another one later. */
export const canChange = (value: unknown): boolean => isSetting(value) && value.canChange?.() === true;

export const isSetting = (value: unknown): value is Setting<unknown> =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'setting';

/** The value itself, or read from its setting. */
export const currentValue = <T extends string | number | Secret>(value: T | Setting<T>): T =>
  isSetting(value) ? (value.read() as T) : value;

/** A value that prints as `[secret]` wherever it is turned into text by accident: logs, JSON, inspect, templates. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value in clear. Call it where the secret leaves for its destination, nowhere else. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}
