/**
 * Redis as `defineApi` takes it for a shared rate limit: `rateLimit: { …, shared: redisTokens(…) }`. Where it is and whether ioredis is
 * installed is looked at when the worker starts; redis-tokens.ts asks it.
 */
import { createRequire } from 'node:module';
import { z } from 'zod';
import { problemsOf, reportProblems } from '../definition.ts';
import { ConfigError, type Problem } from '../errors.ts';
import type { TokenStoreDefinition } from '../operators/shared-tokens.ts';
import { currentValue, isSetting, Secret, type Setting } from '../setting.ts';
import { createRedisTokens, type RedisTokens } from './redis-tokens.ts';

export interface RedisTokenStoreOptions {
  /** `redis://user:password@host:6379/0`, the number of the database at its end, or `rediss://` for TLS; best from the environment: `env.secret('REDIS_URL')`. */
  readonly url: string | Secret | Setting<string | Secret>;
  /**
   * Share of a limit that this worker keeps to while Redis is away: 1 / number of workers. Above 0, at most 1. Without a default, because
   * nobody here knows how many there are.
   */
  readonly localShareRatio: number;
  /** What the names of all keys begin with; the name of the API follows. Default: 'sluice:tokens:'. */
  readonly prefix?: string;
}

/** Texts about URLs never begin with "expected": those that do are shown with the value. */
const URL_NEEDED = 'must be a URL that begins with redis:// or rediss://';

/** Of what is none ioredis makes database 0, and of `1x` database 1. */
const DATABASE_NEEDED =
  "must name its database once, by a number, redis://host:6379/0, and nothing behind it; '/' and no path are 0";

/** What is wrong with the text; undefined where nothing is. */
function faultOfUrl(text: string): string | undefined {
  if (!/^rediss?:\/\//i.test(text) || !URL.canParse(text)) return URL_NEEDED;
  const { pathname, searchParams } = new URL(text);
  const named = [pathname.slice(1), ...searchParams.getAll('db')].filter((name) => name !== '');
  const isOne = named.length <= 1 && !searchParams.getAll('db').includes('');
  return isOne && named.every((name) => /^\d+$/.test(name)) ? undefined : DATABASE_NEEDED;
}

const optionsSchema = z.strictObject({
  url: z.unknown().superRefine((url, context) => {
    if (isSetting(url) || url instanceof Secret) return;
    const message = typeof url === 'string' ? faultOfUrl(url) : URL_NEEDED;
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  }),
  localShareRatio: z.number().gt(0).max(1),
  prefix: z.string().optional(),
} satisfies Record<keyof RedisTokenStoreOptions, z.ZodType>);

/**
 * Token buckets in Redis for the rate limits of APIs: plain data, connected to when the worker starts. Each API that names it has a
 * connection and a bucket of its own. Needs the package ioredis.
 * @throws DefinitionError with every mistake in the options, unless a collector takes them.
 */
export function redisTokens(options: RedisTokenStoreOptions): TokenStoreDefinition {
  reportProblems(problemsOf('redisTokens', optionsSchema, options));
  const { localShareRatio } = options;
  return { kind: 'token-store', localShareRatio, read: () => readStore(options) };
}

function readStore({ url, prefix }: RedisTokenStoreOptions): RedisTokens {
  const problems = missingPackage();
  const text = readUrl(url, problems);
  if (text === undefined || problems.length > 0) throw new ConfigError(problems);
  return createRedisTokens({ url: text, prefix });
}

/** Undefined where it is none: `problems` then say why. */
function readUrl(url: RedisTokenStoreOptions['url'], problems: Problem[]): string | undefined {
  try {
    const value = currentValue<string | Secret>(url);
    const text = typeof value === 'string' ? value : value.reveal();
    const message = faultOfUrl(text);
    if (message === undefined) return text;
    problems.push(
      isSetting(url)
        ? { subject: 'environment', path: url.name, message }
        : { subject: 'redisTokens', path: 'url', message },
    );
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
  }
  return undefined;
}

/** Known before the first question: one that failed for it would look like a Redis that is away. */
function missingPackage(): Problem[] {
  try {
    createRequire(import.meta.url).resolve('ioredis');
    return [];
  } catch {
    const message = 'needs the package ioredis, which is not installed; run `npm install ioredis`';
    return [{ subject: 'redisTokens', path: '', message }];
  }
}
