/** Path templates, read once each. Bounded: an author may build paths from messages, and those never repeat. */
import type { HttpMethod } from './api.ts';
import { type BaseUrl, type PathTemplate, parseTemplate, UrlError } from './url.ts';

/** Templates of one API; a program has a handful. */
const MAX_TEMPLATES = 500;

export interface Operation {
  /** `POST /charge/{id}`: names the call in facts, metrics and errors. */
  readonly operation: string;
  /** The template, or why it is none: that fails the call, not the author's function. */
  readonly template: PathTemplate | UrlError;
}

export class TemplateCache {
  readonly #base: BaseUrl;
  readonly #operations = new Map<string, Operation>();

  constructor(base: BaseUrl) {
    this.#base = base;
  }

  read(method: HttpMethod, path: string): Operation {
    const operation = `${method} ${path}`;
    const known = this.#operations.get(operation);
    if (known !== undefined) return known;
    const read = { operation: operationOf(operation), template: templateOf(this.#base, path) };
    if (this.#operations.size < MAX_TEMPLATES) this.#operations.set(operation, read);
    return read;
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
