/** Path templates, read once each. Bounded: an author may build paths from messages, and those never repeat. */
import type { HttpMethod } from './api.ts';
import type { CallFacts } from './classify.ts';
import { targetOf } from './idempotency-key.ts';
import { type BaseUrl, type PathTemplate, parseTemplate, UrlError } from './url.ts';

/** Templates of one API; a program has a handful. */
const MAX_TEMPLATES = 500;

export interface Operation {
  /** Names the call in facts, metrics and errors: the API, and `POST /charge/{id}`. */
  readonly call: CallFacts;
  /** The template, or why it is none: that fails the call, not the author's function. */
  readonly template: PathTemplate | UrlError;
  /** What all its calls without a query have for a target, where the path has no places. */
  readonly target: string | undefined;
  /** The same of all that are too many to be known one by one: paths that the same code builds from messages. Undefined: it stands for itself. */
  readonly kin: object | undefined;
}

export class TemplateCache {
  readonly #api: string;
  readonly #base: BaseUrl;
  /** By method and path: the author's own texts, so that none has to be put together to find them. */
  readonly #operations = new Map<HttpMethod, Map<string, Operation>>();
  readonly #kin = new Map<HttpMethod, object>();
  #size = 0;

  constructor(api: string, base: BaseUrl) {
    this.#api = api;
    this.#base = base;
  }

  read(method: HttpMethod, path: string): Operation {
    return this.#operations.get(method)?.get(path) ?? this.#readAnew(method, path);
  }

  #readAnew(method: HttpMethod, path: string): Operation {
    const call = { api: this.#api, operation: operationOf(`${method} ${path}`) };
    const template = templateOf(this.#base, path);
    const fixed = template instanceof UrlError ? undefined : template.fixed;
    const target = fixed === undefined ? undefined : targetOf(this.#api, method, fixed, '');
    const read = { call, template, target, kin: undefined };
    if (this.#size >= MAX_TEMPLATES) return { ...read, kin: this.#kinOf(method) };
    const ofMethod = this.#operations.get(method) ?? new Map<string, Operation>();
    this.#operations.set(method, ofMethod.set(path, read));
    this.#size++;
    return read;
  }

  #kinOf(method: HttpMethod): object {
    const kin = this.#kin.get(method) ?? {};
    this.#kin.set(method, kin);
    return kin;
  }
}

/** What errors and facts show of a path: nothing that breaks a line, and not its query, which may hold anything. */
const operationOf = (operation: string): string =>
  operation
    .split(/[?#]/, 1)[0]
    ?.replace(/[^\x20-\x7e]/g, '?')
    .slice(0, 200) ?? '';

function templateOf(base: BaseUrl, path: string): PathTemplate | UrlError {
  try {
    return parseTemplate(base, path);
  } catch (error) {
    if (error instanceof UrlError) return error;
    throw error;
  }
}
