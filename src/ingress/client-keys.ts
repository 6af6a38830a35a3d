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
import { comeAgain } from './problem.ts';
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
 * Clients by name, each with a key of at least 16 characters, or several. What is shown is compared with all keys in constant time. A key that two
 * clients have, since the file of one was replaced, lets neither in.
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
      return (headers) => of(identify(known(), single(headers, name), name));
    },
  };
}

/** As it is now: of one that was replaced another buffer, of one that was not the same. */
type CurrentKey = readonly [client: string, digest: Buffer];

/** @throws ConfigError naming keys that are missing, short, or of two clients. */
function openKeys(keys: Parameters<typeof clientKeys>[0], log: Logger): () => readonly CurrentKey[] {
  const problems: Problem[] = [];
  const known: (readonly [client: string, digest: () => Buffer])[] = [];
  for (const [client, given] of Object.entries(keys)) {
    for (const key of listOf(given)) {
      const digest = (secret: Secret): Buffer => digestOfKey(secret, isSetting(key) ? key.name : client);
      try {
        known.push([client, rotating(key, digest, log)]);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        problems.push(...error.problems);
      }
    }
  }
  const now = (): readonly CurrentKey[] => known.map(([client, digest]) => [client, digest()]);
  let current = now();
  let shared = sharedIn(current);
  problems.push(
    ...[...shared].map(([path, same]) => ({
      subject: 'clientKeys',
      path,
      message: `${same}; each needs one of its own`,
    })),
  );
  if (problems.length > 0) throw new ConfigError(problems);

  return () => {
    const latest = now();
    if (latest.some(([, digest], n) => digest !== current[n]?.[1])) {
      const before = shared;
      shared = sharedIn(latest);
      for (const [client, same] of shared)
        if (before.get(client) !== same) log.warn({ reason: `${client} ${same}` }, SHARED);
    }
    current = latest;
    return latest;
  };
}

/** @throws ConfigError for one that is short. */
function digestOfKey(secret: Secret, path: string): Buffer {
  const text = secret.reveal();
  if (text.length >= MIN_LENGTH) return digestOf(text);
  const message = `expected a key of at least ${MIN_LENGTH} characters`;
  throw new ConfigError([{ subject: 'environment', path, message }]);
}

const SHARED = 'two clients have the same key: it is refused until they have not';

/** By clients: that one has the key of another before it. */
function sharedIn(keys: readonly CurrentKey[]): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  const shared = new Map<string, string>();
  for (const [client, digest] of keys) {
    const text = digest.toString('base64');
    const owner = owners.get(text);
    if (owner === undefined) owners.set(text, client);
    else if (owner !== client) shared.set(client, `has the same key as ${owner}`);
  }
  return shared;
}

function identify(keys: readonly CurrentKey[], shown: string | undefined, header: string): Identified {
  const digest = digestOf(shown ?? '');
  const clients = new Set<string>();
  // All of them, whichever fits: how long it takes tells nothing.
  for (const [client, known] of keys) if (timingSafeEqual(known, digest)) clients.add(client);
  const [client] = clients;
  // Whose request it is must not depend on the order of the clients. It is no guess, and not the client's to mend.
  if (clients.size > 1) return { ok: false, refusal: comeAgain('key-shared', 'this key is that of two clients now') };
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
