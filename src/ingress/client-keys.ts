/** Clients known by a key of their own, in a header. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { of } from 'rxjs';
import { sound, unknownOptions } from '../definition.ts';
import { ConfigError, DefinitionError, type Problem } from '../errors.ts';
import { type Logger, silentLogger } from '../log.ts';
import type { Known } from '../policies/unknown-option.ts';
import { rotating } from '../rotating.ts';
import { isSetting, Secret, type Setting } from '../setting.ts';
import type { ClientAuth, Identified } from './client-auth.ts';
import { single } from './request-headers.ts';

/** A key, best from the environment: `env.secret('SHOP_KEY')`; the file of `SHOP_KEY_FILE` is read again, within 10 s. Several at once while an old one is being replaced. */
export type ClientKey = Secret | Setting<Secret>;

export interface ClientKeysOptions {
  /** Default: `x-api-key`. */
  readonly header?: string;
}

const OPTIONS: Known<ClientKeysOptions> = { header: true };

/** Shorter ones can be found by trying. */
const MIN_LENGTH = 16;

const CLIENT = /^[\w.-]{1,64}$/;

/**
 * Clients by name, each with a key of at least 16 characters, or several. What is shown is compared with all keys in constant time.
 * @throws DefinitionError for names and values that cannot be used, and an option it does not have.
 */
export function clientKeys(
  keys: Readonly<Record<string, ClientKey | readonly ClientKey[]>>,
  options: ClientKeysOptions = {},
): ClientAuth {
  const misnamed = unknownOptions('clientKeys', options, OPTIONS);
  const { header = 'x-api-key' } = sound(options, misnamed);
  const problems = [...misnamed, ...faultsOf(keys, header)];
  if (problems.length > 0) throw new DefinitionError(problems);
  const name = header.toLowerCase();
  return {
    kind: 'clientAuth',
    scheme: { type: 'apiKey', in: 'header', name },
    open: (log = silentLogger) => {
      const known = openKeys(keys, log);
      return (headers) => of(identify(known, single(headers, name), name));
    },
  };
}

class KnownKey {
  readonly client: string;
  readonly #current: () => Buffer;
  #digest: Buffer;

  /** @throws ConfigError where the key is missing, short, or one of the `others`, who may be more later. */
  constructor(client: string, key: ClientKey, others: readonly KnownKey[], log: Logger) {
    this.client = client;
    this.#current = rotating(key, (secret) => this.#read(secret, isSetting(key) ? key.name : client, others), log);
    this.#digest = this.#current();
  }

  /** As it is now. */
  get digest(): Buffer {
    this.#digest = this.#current();
    return this.#digest;
  }

  #read(secret: Secret, path: string, others: readonly KnownKey[]): Buffer {
    const text = secret.reveal();
    if (text.length < MIN_LENGTH)
      throw problem('environment', path, `expected a key of at least ${MIN_LENGTH} characters`);
    const digest = digestOf(text);
    // Whose request it is must not depend on the order of the clients.
    const owner = others.find((other) => other.client !== this.client && other.#digest.equals(digest));
    if (owner === undefined) return digest;
    throw problem('clientKeys', this.client, `has the same key as ${owner.client}; each needs one of its own`);
  }
}

const problem = (subject: string, path: string, message: string): ConfigError =>
  new ConfigError([{ subject, path, message }]);

function openKeys(keys: Parameters<typeof clientKeys>[0], log: Logger): readonly KnownKey[] {
  const problems: Problem[] = [];
  const known: KnownKey[] = [];
  for (const [client, given] of Object.entries(keys)) {
    for (const key of listOf(given)) {
      try {
        known.push(new KnownKey(client, key, known, log));
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        problems.push(...error.problems);
      }
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return known;
}

function identify(known: readonly KnownKey[], shown: string | undefined, header: string): Identified {
  const digest = digestOf(shown ?? '');
  let client: string | undefined;
  // All of them, whichever fits: how long it takes tells nothing.
  for (const key of known) if (timingSafeEqual(key.digest, digest)) client = key.client;
  if (client !== undefined && shown !== undefined) return { ok: true, client };
  const detail = shown === undefined ? `expected a key in the header ${header}` : 'the key is not known';
  return {
    ok: false,
    refusal: { status: 401, code: 'not-authenticated', detail, headers: { 'www-authenticate': 'ApiKey' } },
  };
}

/** Of equal length, whatever was shown. */
const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

const listOf = (given: ClientKey | readonly ClientKey[]): readonly ClientKey[] =>
  Array.isArray(given) ? (given as readonly ClientKey[]) : [given as ClientKey];

const isKey = (value: unknown): boolean => value instanceof Secret || isSetting(value);

function faultsOf(keys: unknown, header: unknown): readonly Problem[] {
  const problem = (path: string, message: string): Problem => ({ subject: 'clientKeys', path, message });
  if (typeof header !== 'string' || !/^[\w-]{1,64}$/.test(header))
    return [problem('header', `expected the name of a header, got ${String(header)}`)];
  if (typeof keys !== 'object' || keys === null || Object.keys(keys).length === 0)
    return [problem('', `expected keys by client: { shop: env.secret('SHOP_KEY') }`)];
  return Object.entries(keys as Parameters<typeof clientKeys>[0]).flatMap(([client, given]) => [
    ...(CLIENT.test(client) ? [] : [problem(client, 'expected a name of 1 to 64 letters, digits, "-", "_" or "."')]),
    // The value itself may be a key in clear.
    ...(listOf(given).length > 0 && listOf(given).every(isKey)
      ? []
      : [problem(client, 'expected a secret, env.secret(…), or a list of them')]),
  ]);
}
