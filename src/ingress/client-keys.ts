/** Clients known by a key of their own, in a header. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { of } from 'rxjs';
import { sound, unknownOptions } from '../definition.ts';
import { ConfigError, DefinitionError, type Problem } from '../errors.ts';
import type { Known } from '../policies/unknown-option.ts';
import { currentValue, isSetting, Secret, type Setting } from '../setting.ts';
import type { ClientAuth, Identified } from './client-auth.ts';
import { single } from './request-headers.ts';

/** A key, best from the environment: `env.secret('SHOP_KEY')`. Several at once while an old one is being replaced. */
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
    open: () => {
      const known = openKeys(keys);
      return (headers) => of(identify(known, single(headers, name), name));
    },
  };
}

interface KnownKey {
  readonly client: string;
  readonly digest: Buffer;
}

function openKeys(keys: Parameters<typeof clientKeys>[0]): readonly KnownKey[] {
  const problems: Problem[] = [];
  const known: KnownKey[] = [];
  for (const [client, given] of Object.entries(keys)) {
    for (const key of listOf(given)) {
      try {
        const text = currentValue<Secret>(key).reveal();
        if (text.length < MIN_LENGTH) {
          const path = isSetting(key) ? key.name : client;
          problems.push({
            subject: 'environment',
            path,
            message: `expected a key of at least ${MIN_LENGTH} characters`,
          });
        }
        known.push({ client, digest: digestOf(text) });
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        problems.push(...error.problems);
      }
    }
  }
  problems.push(...sharedKeys(known));
  if (problems.length > 0) throw new ConfigError(problems);
  return known;
}

/** Whose request it is must not depend on the order of the clients. */
function sharedKeys(known: readonly KnownKey[]): readonly Problem[] {
  const owners = new Map<string, string>();
  return known.flatMap(({ client, digest }) => {
    const text = digest.toString('hex');
    const owner = owners.get(text);
    owners.set(text, client);
    if (owner === undefined) return [];
    return [
      { subject: 'clientKeys', path: client, message: `has the same key as ${owner}; each needs one of its own` },
    ];
  });
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
