/** An API bound to a message: its methods make calls that carry the message's identity, deadline and idempotency keys. */
import type { z } from 'zod';
import type { Api, CallOptions, HttpMethod, WithResponse } from './api.ts';
import type { CachedCalls } from './cached-calls.ts';
import { callOf } from './call.ts';
import { CallRequest, type RequestScope } from './call-request.ts';
import type { CallOwner, CallParts } from './call-run.ts';
import type { Call } from './cold-call.ts';
import { type Repeats, repeatsOf } from './repeats.ts';
import { inKeyScope, type TwinScope } from './scope-apis.ts';
import type { TemplateCache } from './template-cache.ts';

/** The message an API is bound to. */
export interface CallScope extends CallOwner, RequestScope {}

const NO_OPTIONS: CallOptions = {};

export class BoundApi implements Api {
  readonly #parts: CallParts;
  readonly #templates: TemplateCache;
  readonly #scope: CallScope;
  /** Undefined: each call gets an answer of its own. */
  readonly #cached: CachedCalls | undefined;
  /** By operation; lives as long as the message. */
  #repeats: Map<string, Repeats> | undefined;

  constructor(parts: CallParts, templates: TemplateCache, scope: CallScope, cached: CachedCalls | undefined) {
    this.#parts = parts;
    this.#templates = templates;
    this.#scope = scope;
    this.#cached = cached;
  }

  get<Schema extends z.ZodType>(path: string, options: WithResponse<Schema>): Call<z.output<Schema>>;
  get(path: string, options?: CallOptions): Call<unknown>;
  get(path: string, options?: CallOptions): Call<unknown> {
    return this.#call('GET', path, undefined, options);
  }

  post<Schema extends z.ZodType>(path: string, body: unknown, options: WithResponse<Schema>): Call<z.output<Schema>>;
  post(path: string, body?: unknown, options?: CallOptions): Call<unknown>;
  post(path: string, body?: unknown, options?: CallOptions): Call<unknown> {
    return this.#call('POST', path, body, options);
  }

  put<Schema extends z.ZodType>(path: string, body: unknown, options: WithResponse<Schema>): Call<z.output<Schema>>;
  put(path: string, body?: unknown, options?: CallOptions): Call<unknown>;
  put(path: string, body?: unknown, options?: CallOptions): Call<unknown> {
    return this.#call('PUT', path, body, options);
  }

  patch<Schema extends z.ZodType>(path: string, body: unknown, options: WithResponse<Schema>): Call<z.output<Schema>>;
  patch(path: string, body?: unknown, options?: CallOptions): Call<unknown>;
  patch(path: string, body?: unknown, options?: CallOptions): Call<unknown> {
    return this.#call('PATCH', path, body, options);
  }

  delete<Schema extends z.ZodType>(path: string, options: WithResponse<Schema>): Call<z.output<Schema>>;
  delete(path: string, options?: CallOptions): Call<unknown>;
  delete(path: string, options?: CallOptions): Call<unknown> {
    return this.#call('DELETE', path, undefined, options);
  }

  [inKeyScope](twin: TwinScope): Api {
    return new BoundApi(this.#parts, this.#templates, { ...this.#scope, ...twin }, this.#cached);
  }

  #call(method: HttpMethod, path: string, body: unknown, options: CallOptions = NO_OPTIONS): Call<unknown> {
    if (method === 'GET' && this.#cached !== undefined && options.cache !== false) {
      const { within, ...shared } = options;
      return this.#cached.call(this.#scope, this.#requestOf(method, path, body, shared), within);
    }
    return callOf(this.#parts, this.#scope, this.#requestOf(method, path, body, options));
  }

  #requestOf(method: HttpMethod, path: string, body: unknown, options: CallOptions): CallRequest {
    const operation = this.#templates.read(method, path);
    const isCounted = method !== 'GET' && options.idempotencyKey === undefined;
    const request = new CallRequest({
      operation,
      settings: this.#parts.settings,
      scope: this.#scope,
      method,
      body,
      options,
      repeats: isCounted ? this.#repeatsOf(operation.call.operation) : undefined,
    });
    this.#scope.calls?.built(operation);
    return request;
  }

  #repeatsOf(operation: string): Repeats {
    this.#repeats ??= new Map();
    return repeatsOf(operation, this.#repeats);
  }
}
