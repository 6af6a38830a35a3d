/**
 * An API's options as its client works with them: durations in milliseconds, defaults filled in, settings read from the environment.
 * Read once, when the worker starts.
 */
import { ConfigError, type Problem } from '../errors.ts';
import { durationMs } from '../policies/duration.ts';
import type { Jitter } from '../policies/jitter.ts';
import { currentValue } from '../setting.ts';
import { API_DEFAULTS } from './api-defaults.ts';
import type { ApiDefinition, ApiOptions } from './define-api.ts';
import { headerValueProblem } from './headers.ts';
import { type BaseUrl, parseBaseUrl, UrlError } from './url.ts';

export interface RetrySettings {
  readonly maxAttempts: number;
  readonly initialMs: number;
  readonly maxMs: number;
  readonly jitter: Jitter;
  readonly maxRetryAfterMs: number;
}

export interface ApiSettings {
  readonly base: BaseUrl;
  /** Headers of every call, names in lower case, on a null prototype; the one of `auth` among them. */
  readonly headers: Readonly<Record<string, string>>;
  /** The header `auth` owns: no call sets it. */
  readonly authHeader: string | undefined;
  readonly timeoutMs: number;
  readonly concurrency: number;
  readonly maxQueued: number;
  /** Undefined: no retries. */
  readonly retry: RetrySettings | undefined;
  readonly maxRequestBytes: number;
  readonly maxResponseBytes: number;
}

/** @throws ConfigError with everything that is missing or malformed in the settings behind the definition. Values are not shown. */
export function readSettings({ name, options }: ApiDefinition): ApiSettings {
  const reader = new SettingReader(`api "${name}"`);
  const base = reader.read('baseUrl', () => parseBaseUrl(currentValue<string>(options.baseUrl)));
  const headers = readHeaders(options, reader);
  if (base === undefined || reader.problems.length > 0) throw new ConfigError(reader.problems);

  return {
    base,
    headers,
    authHeader: options.auth?.header,
    timeoutMs: durationMs(options.timeout ?? API_DEFAULTS.timeoutMs),
    concurrency: options.concurrency ?? API_DEFAULTS.concurrency,
    maxQueued: options.maxQueued ?? API_DEFAULTS.maxQueued,
    retry: options.retry === false ? undefined : retrySettings(options.retry),
    maxRequestBytes: options.maxRequestBytes ?? API_DEFAULTS.maxBytes,
    maxResponseBytes: options.maxResponseBytes ?? API_DEFAULTS.maxBytes,
  };
}

/** Reads one setting after the other and keeps what is wrong, so that all of it is reported at once. */
class SettingReader {
  readonly problems: Problem[] = [];
  readonly #subject: string;

  constructor(subject: string) {
    this.#subject = subject;
  }

  read<T>(path: string, take: () => T): T | undefined {
    try {
      return take();
    } catch (error) {
      if (error instanceof ConfigError) this.problems.push(...error.problems);
      else if (error instanceof UrlError) this.report(path, error.message);
      else throw error;
      return undefined;
    }
  }

  report(path: string, message: string): void {
    this.problems.push({ subject: this.#subject, path, message });
  }
}

function readHeaders({ headers = {}, auth }: ApiOptions, reader: SettingReader): ApiSettings['headers'] {
  const read = Object.create(null) as Record<string, string>;
  const take = (name: string, path: string, value: () => string): void => {
    const text = reader.read(path, value);
    const problem = text === undefined ? undefined : headerValueProblem(name, text);
    if (problem !== undefined) reader.report(path, problem);
    read[name.toLowerCase()] = text ?? '';
  };
  for (const [name, value] of Object.entries(headers)) take(name, `headers.${name}`, () => currentValue<string>(value));
  if (auth !== undefined) take(auth.header, 'auth', () => auth.read());
  return read;
}

function retrySettings({
  maxAttempts,
  backoff = {},
  maxRetryAfter,
}: NonNullable<Exclude<ApiOptions['retry'], false>> = {}): RetrySettings {
  const maxMs = durationMs(backoff.max ?? API_DEFAULTS.backoffMaxMs);
  return {
    maxAttempts: maxAttempts ?? API_DEFAULTS.maxAttempts,
    initialMs: durationMs(backoff.initial ?? API_DEFAULTS.backoffInitialMs),
    maxMs,
    jitter: backoff.jitter ?? 'full',
    maxRetryAfterMs: maxRetryAfter === undefined ? maxMs : durationMs(maxRetryAfter),
  };
}
