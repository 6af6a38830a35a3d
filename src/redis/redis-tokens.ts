/**
 * Token buckets in Redis, shared by all workers that name the same server: the adapter of operators/shared-tokens.ts.
 * Rests on ioredis, an optional peer that is loaded when it is connected to. Nothing is kept here: a question that cannot be asked now
 * fails now, and what happens then is up to the limiter.
 */
import type { Redis } from 'ioredis';
import { defer, ignoreElements, type Observable } from 'rxjs';
import { messageOf } from '../errors.ts';
import type { SharedRate, TokenGrant, TokenStore } from '../operators/shared-tokens.ts';
import { requireKnown } from '../policies/require-known.ts';
import type { Known } from '../policies/unknown-option.ts';
import { TOKEN_SCRIPT, TOKEN_SCRIPT_SHA1 } from './token-script.ts';

export interface RedisTokensOptions {
  /** `redis://user:password@host:6379/0`, or `rediss://` for TLS. */
  readonly url: string;
  /** What the names of all keys begin with. Default: 'sluice:tokens:'. */
  readonly prefix?: string | undefined;
}

const OPTIONS: Known<RedisTokensOptions> = { url: true, prefix: true };

export interface RedisTokens extends TokenStore {
  /** Cold. Ends the connection without waiting for questions that are out, then completes. Questions after it fail. Never fails itself. */
  close(): Observable<never>;
}

const CONNECT_WITHIN_MS = 2_000;
/** A connection that owes an answer for so long is given up, and made anew. */
const SILENT_FOR_MS = 5_000;
/** Pause before attempt n to connect again: quick at first, for a restart takes moments, and then rare. */
const reconnectAfterMs = (attempt: number): number => Math.min(2_000, 50 * 2 ** Math.min(attempt, 10));

/**
 * Buckets of a Redis server. Connects when it is told to or first asked, and again by itself whenever the connection is lost.
 * A bucket takes about 100 bytes there, and is gone when it is full again.
 * @throws RangeError for an option it does not have.
 */
export function createRedisTokens(options: RedisTokensOptions): RedisTokens {
  requireKnown('createRedisTokens', options, OPTIONS);
  const { url, prefix = 'sluice:tokens:' } = options;
  return new IoredisTokens(url, prefix);
}

class IoredisTokens implements RedisTokens {
  readonly #url: string;
  readonly #prefix: string;
  #client: Promise<Client> | undefined;
  #isClosed = false;

  constructor(url: string, prefix: string) {
    this.#url = url;
    this.#prefix = prefix;
  }

  take(bucket: string, rate: SharedRate, wanted: number): Observable<TokenGrant> {
    return defer(() => this.#take(this.#prefix + bucket, rate, wanted));
  }

  connect(): void {
    // What keeps it from connecting fails the questions.
    if (!this.#isClosed) this.#open().catch(() => {});
  }

  close(): Observable<never> {
    return defer(() => this.#close()).pipe(ignoreElements());
  }

  async #take(key: string, { requests, periodMs, burst }: SharedRate, wanted: number): Promise<TokenGrant> {
    if (this.#isClosed) throw new Error('the connection to Redis is closed');
    const { redis, tried, failure, isElsewhere } = await this.#open();
    await tried;
    if (isElsewhere()) throw new Error(`${placeOf(this.#url)}: ${failure()}`);
    const args = [key, requests, periodMs, burst, wanted];
    const answer = await redis
      .evalsha(TOKEN_SCRIPT_SHA1, 1, ...args)
      .catch((error: unknown) => {
        // A server that was restarted has forgotten its scripts.
        if (isAnswer(error) && error.message.startsWith('NOSCRIPT')) return redis.eval(TOKEN_SCRIPT, 1, ...args);
        throw error;
      })
      .catch((error: unknown) => {
        throw isAnswer(error) ? error : new Error(`${placeOf(this.#url)}: ${failure()}`);
      });
    return grantOf(answer);
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    const client = await this.#client?.catch(() => undefined);
    client?.redis.disconnect();
    await client?.tried;
  }

  #open(): Promise<Client> {
    this.#client ??= openClient(this.#url);
    return this.#client;
  }
}

interface Client {
  readonly redis: Redis;
  /** Settles when the first try to connect has ended, either way. */
  readonly tried: Promise<void>;
  /** Why there is no connection, in words: of a question that cannot be sent ioredis tells by which of its options. */
  readonly failure: () => string;
  /** Whether the connection there is has another database than the one of the URL. */
  readonly isElsewhere: () => boolean;
}

async function openClient(url: string): Promise<Client> {
  const { Redis } = await import('ioredis');
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_WITHIN_MS,
    // A server that hangs: questions to it would pile up in the connection.
    socketTimeout: SILENT_FOR_MS,
    // What cannot be sent now is decided on now, and not sent later.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: reconnectAfterMs,
  });
  let wasConnected = false;
  let failure: unknown;
  let isElsewhere = false;
  redis.on('close', () => {
    isElsewhere = false;
  });
  redis.on('ready', () => {
    if (isElsewhere) return;
    wasConnected = true;
    failure = undefined;
  });
  // The question that fails says so; without a listener ioredis writes each failure to the console.
  redis.on('error', (error: unknown) => {
    // What else fails there says nothing of why.
    if (isElsewhere) return;
    failure = error;
    if (!isRefusedDatabase(error)) return;
    // ioredis would go on with database 0: a limit of its own, or that of others. The answer is here before any question can be sent.
    isElsewhere = true;
    redis.disconnect(true);
  });
  const whyNot = (): string => {
    // Nothing of the error but its text is kept: of a login that is refused it holds the password.
    if (failure !== undefined) return messageOf(failure);
    return wasConnected ? 'the connection was lost' : 'there is no connection yet';
  };
  // A first connection that fails is tried again like any other.
  return { redis, tried: redis.connect().catch(() => {}), failure: whyNot, isElsewhere: () => isElsewhere };
}

/** Whether Redis itself has said so. */
const isAnswer = (error: unknown): error is Error => error instanceof Error && error.name === 'ReplyError';

/** Out of range, or not this user's. Without credentials everything is refused, questions too, in words of its own. */
const isRefusedDatabase = (error: unknown): boolean =>
  isAnswer(error) &&
  'command' in error &&
  typeof error.command === 'object' &&
  error.command !== null &&
  'name' in error.command &&
  error.command.name === 'select' &&
  !error.message.startsWith('NOAUTH');

/** Without credentials. */
function placeOf(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

function grantOf(answer: unknown): TokenGrant {
  if (Array.isArray(answer)) {
    const numbers: readonly unknown[] = answer;
    const [granted, waitMs] = numbers;
    if (typeof granted === 'number' && typeof waitMs === 'number') return { granted, waitMs };
  }
  throw new TypeError('Redis answered something else than two numbers');
}
