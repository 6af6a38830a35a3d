/**
 * From what an author asks of an API to the bytes that go out. Made once for a call, at its first subscription: every attempt and every
 * resubscription sends the same request under the same idempotency key.
 */
import type { z } from 'zod';
import { RequestInvalidError } from '../errors.ts';
import { isClassless, kindOf } from '../message/class-of.ts';
import { fingerprint } from '../message/identity.ts';
import { parseNow } from '../message/parse-now.ts';
import { DURATION_EXPECTED, parseDuration } from '../policies/duration.ts';
import { type Known, unknownOption } from '../policies/unknown-option.ts';
import type { TraceContext } from '../tracing.ts';
import type { CallOptions } from './api.ts';
import type { CallSettings } from './api-settings.ts';
import { type RequestBody, requestBodyOf } from './body.ts';
import type { CallFacts } from './classify.ts';
import { type HeaderRecord, headerProblem, headerSafeId, ownHeader, putHeader } from './headers.ts';
import { derivedKey, effectOf, givenKey, secretScope, targetOf } from './idempotency-key.ts';
import { describeIssues } from './issues.ts';
import type { Repeats } from './repeats.ts';
import type { Operation } from './template-cache.ts';
import type { CallMethod, TransportRequest } from './transport.ts';
import { fillTemplate, queryOf, UrlError } from './url.ts';

const OPTIONS: Known<CallOptions> = {
  response: true,
  path: true,
  params: true,
  headers: true,
  idempotent: true,
  cache: true,
  within: true,
  idempotencyKey: true,
};

/** Whose call it is. */
export interface RequestScope {
  readonly correlationId: string;
  /** Of the message; where a tracer listens, each attempt of a call has one of its own instead. */
  readonly trace: TraceContext;
  readonly keyScope: string;
  /** Of a compensation: the saga's step that it undoes. */
  readonly undoes?: string | undefined;
}

/** What a call is made of. */
export interface CallRequestParts {
  readonly operation: Operation;
  readonly settings: CallSettings;
  readonly scope: RequestScope;
  readonly method: CallMethod;
  readonly body: unknown;
  /** What the body must fit, as it is. Undefined: nothing is asked of it. */
  readonly schema?: z.ZodType | undefined;
  readonly options: CallOptions;
  /** Undefined: its key does not count it. */
  readonly repeats: Repeats | undefined;
}

export class CallRequest {
  readonly call: CallFacts;
  readonly options: CallOptions;
  readonly #parts: CallRequestParts;
  /** Where it stands among the calls that may be identical, from 0. */
  readonly #place: number;
  #effect: string | undefined;
  #draft: Draft | undefined;
  #request: TransportRequest | undefined;

  constructor(parts: CallRequestParts) {
    this.call = parts.operation.call;
    this.options = parts.options;
    this.#parts = parts;
    this.#place = parts.repeats?.join(this) ?? 0;
  }

  get operation(): Operation {
    return this.#parts.operation;
  }

  /** Whether a second try may run beside a slow one. */
  get mayRunTwice(): boolean {
    return this.#parts.method === 'GET' || this.options.idempotent === true;
  }

  /**
   * Two calls with the same key ask for the same: equal in where they go to, in query and in the headers they set themselves. Those that
   * tell whose call it is, correlation id and trace, do not count. For calls without a body.
   * @throws RequestInvalidError when it cannot be sent as it is.
   */
  get sharedKey(): string {
    const { path, query, ownHeaders = {} } = this.#drafted();
    const headers = Object.keys(ownHeaders).sort();
    return fingerprint(
      'shared',
      this.#parts.method,
      this.#parts.settings.base.origin,
      path,
      query,
      ...headers.flatMap((name) => [name, ownHeaders[name] ?? '']),
    );
  }

  /**
   * The request, the same each time.
   * @throws RequestInvalidError when it cannot be sent as it is.
   */
  get request(): TransportRequest {
    this.#request ??= this.#finish();
    return this.#request;
  }

  #finish(): TransportRequest {
    const { path, query, body, ownHeaders } = this.#drafted();
    const { settings, scope, method } = this.#parts;
    const { base, headers: fixed } = settings;
    const { traceparent, tracestate } = scope.trace;
    // Neither of the author's has these names. What comes behind a spread costs V8 up to microseconds for each name.
    const headers: Record<string, string> = {
      'x-correlation-id': headerSafeId(scope.correlationId),
      traceparent,
      ...fixed,
      ...ownHeaders,
    };
    if (tracestate !== undefined) headers.tracestate = tracestate;
    if (body !== undefined) headers['content-type'] = body.contentType;
    if (method !== 'GET') headers['idempotency-key'] = this.#key();
    return { method, origin: base.origin, path: path + query, headers, body: body?.bytes };
  }

  /** The headers of this call alone, names in lower case. */
  #ownHeaders(): HeaderRecord | undefined {
    const { headers } = this.options;
    if (headers === undefined) return undefined;
    const own: Record<string, string> = {};
    for (const name of Object.keys(headers)) {
      const lower = name.toLowerCase();
      const problem =
        lower === this.#parts.settings.authHeader
          ? `header ${lower} is set by the API's auth`
          : headerProblem(name, headers[name]);
      if (problem !== undefined) throw new RequestInvalidError(this.call, problem);
      putHeader(own, lower, headers[name] ?? '');
    }
    return own;
  }

  #key(): string {
    const { idempotencyKey } = this.options;
    if (idempotencyKey !== undefined) {
      return givenKey(this.#keyScope, this.call.api, this.#parts.method, this.#drafted().path, idempotencyKey);
    }
    return derivedKey(this.effect, this.#parts.repeats?.ordinalAt(this.#place) ?? 0);
  }

  /**
   * What the call does, apart from how often it is made.
   * @throws RequestInvalidError when it cannot be sent.
   */
  get effect(): string {
    if (this.#effect === undefined) {
      const { path, query, body } = this.#drafted();
      const { operation, method } = this.#parts;
      const fixed = query === '' ? operation.target : undefined;
      const target = fixed ?? targetOf(this.call.api, method, path, query);
      this.#effect = effectOf(this.#keyScope, target, body?.source);
    }
    return this.#effect;
  }

  /** The saga's step that the call undoes, where it is a compensation. */
  get undoes(): string | undefined {
    return this.#parts.scope.undoes;
  }

  get #keyScope(): string {
    const { keySecret } = this.#parts.settings;
    return keySecret === undefined ? this.#parts.scope.keyScope : secretScope(keySecret, this.#parts.scope.keyScope);
  }

  #drafted(): Draft {
    this.#draft ??= this.#drawUp();
    return this.#draft;
  }

  #drawUp(): Draft {
    const { headers, maxRequestBytes } = this.#parts.settings;
    const unknown = unknownOption(this.options, OPTIONS);
    if (unknown !== undefined) throw new RequestInvalidError(this.call, unknown);
    const { response, path, params, headers: own } = this.options;
    const misgiven = unnamed('path', path) ?? unnamed('params', params) ?? unnamed('headers', own);
    if (misgiven !== undefined) throw new RequestInvalidError(this.call, misgiven);
    const ownHeaders = this.#ownHeaders();
    // What is no schema would be found out by the answer: after the effect.
    if (response !== undefined && typeof response.safeParse !== 'function')
      throw new RequestInvalidError(this.call, 'option response: expected a zod schema');
    const misfit = misfitOf(this.#parts);
    if (misfit !== undefined) throw new RequestInvalidError(this.call, misfit);
    const contentType = ownHeader(ownHeaders, 'content-type') ?? ownHeader(headers, 'content-type');
    const body = requestBodyOf(this.#parts.body, contentType);
    if (body !== undefined && !body.ok) throw new RequestInvalidError(this.call, body.message);
    if (body !== undefined && body.bytes.byteLength > maxRequestBytes) {
      throw new RequestInvalidError(
        this.call,
        `body has ${body.bytes.byteLength} bytes, allowed are ${maxRequestBytes}`,
      );
    }
    try {
      const { template } = this.#parts.operation;
      if (template instanceof UrlError) throw template;
      return {
        path: fillTemplate(template, this.options.path),
        query: queryOf(this.options.params),
        body,
        ownHeaders,
      };
    } catch (error) {
      throw error instanceof UrlError ? new RequestInvalidError(this.call, error.message) : error;
    }
  }
}

/** What is wrong with an option that has values by their names: one whose names nobody sees (URLSearchParams, Headers, a Map) would be left out. */
function unnamed(option: string, given: unknown): string | undefined {
  if (given === undefined || (typeof given === 'object' && given !== null && isByName(given))) return undefined;
  return `option ${option}: expected an object with values by their names, got ${kindOf(given)}`;
}

const isByName = (given: object): boolean =>
  isClassless(given) || (Object.keys(given).length > 0 && !Array.isArray(given));

/**
 * Time for the whole call, in milliseconds.
 * @throws RequestInvalidError for what is no duration, before anything is sent.
 */
export function withinMsOf(call: CallFacts, within: CallOptions['within']): number {
  if (within === undefined) return Number.POSITIVE_INFINITY;
  const ms = parseDuration(within);
  if (ms !== undefined) return ms;
  throw new RequestInvalidError(
    call,
    `option within: expected ${DURATION_EXPECTED}, got ${JSON.stringify(String(within).slice(0, 80))}`,
  );
}

/** Where and how the body does not fit; values of it are not in the text. */
function misfitOf({ body, schema }: CallRequestParts): string | undefined {
  const issues = schema === undefined ? undefined : parseNow(schema, body, 'the schema of request').error?.issues;
  return issues === undefined ? undefined : `request does not fit the schema: ${describeIssues(issues, 'request')}`;
}

/** The parts of a request that make it the request it is. */
interface Draft {
  readonly path: string;
  readonly query: string;
  readonly body: Extract<RequestBody, { ok: true }> | undefined;
  readonly ownHeaders: HeaderRecord | undefined;
}
