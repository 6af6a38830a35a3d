/** A request as the answering side of a test sees it, and the templates it is known by. */

import { headersOf, type TransportRequest } from '../../http/transport.ts';
import { type PathTemplate, parseTemplate, UrlError } from '../../http/url.ts';
import { readBody } from './text.ts';

export interface ApiRequest {
  /** `POST`; `ASK` of a service. */
  readonly method: string;
  /** As it went out: `/users/42`; the operation of a service. */
  readonly path: string;
  /** Values of the places of the operation it was answered by: `{ id: '42' }`. */
  readonly params: Readonly<Record<string, string>>;
  /** A parameter given more than once is a list. */
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed as its content type says; undefined where there is none. */
  readonly body: unknown;
}

export function readRequest(request: TransportRequest): ApiRequest {
  const [path = '', search = ''] = request.path.split('?', 2);
  const headers = { ...headersOf(request) };
  const contentType = headers['content-type'];
  const query: Record<string, string | readonly string[]> = {};
  for (const [name, value] of new URLSearchParams(search)) {
    const before = query[name];
    query[name] = before === undefined ? value : [before, value].flat();
  }
  return {
    method: request.method,
    path,
    params: {},
    query,
    headers,
    body:
      request.body === undefined ? undefined : readBody(request.body, contentType === undefined ? {} : { contentType }),
  };
}

const OPERATION = /^(GET|POST|PUT|PATCH|DELETE) (\/.*)$/;
const ASKED = /^ASK ([A-Za-z][\w.-]*)$/;
const ANYWHERE = { origin: 'http://api.test', prefix: '' };

/** `POST /orders/{id}`: a method and a path template, as pipelines write it; `ASK quote` of a service. */
export class Operation {
  readonly text: string;
  readonly #method: string;
  readonly #names: readonly string[];
  readonly #pattern: RegExp;

  /** @throws TypeError for a text that is no operation, naming what is wrong with it. */
  constructor(subject: string, text: string) {
    this.text = text;
    const asked = ASKED.exec(text)?.[1];
    if (asked !== undefined) {
      this.#method = 'ASK';
      this.#names = [];
      this.#pattern = new RegExp(`^${RegExpEscape(asked)}$`);
      return;
    }
    const [, method, path] = OPERATION.exec(text) ?? [];
    if (method === undefined || path === undefined)
      throw new TypeError(
        `${subject}: expected a method and a path, 'POST /orders/{id}', or of a service 'ASK name', got ${JSON.stringify(text)}`,
      );
    this.#method = method;
    const { names, texts } = templateOf(subject, path);
    this.#names = names;
    this.#pattern = new RegExp(`^${texts.map(RegExpEscape).join('([^/]+)')}$`);
  }

  /** How many places it has: of two that match, the one with fewer says more. */
  get places(): number {
    return this.#names.length;
  }

  /** The values of its places, or undefined for a request that is another one. */
  match(method: string, path: string): Readonly<Record<string, string>> | undefined {
    const found = method === this.#method ? this.#pattern.exec(path) : null;
    if (found === null) return undefined;
    return Object.fromEntries(this.#names.map((name, at) => [name, decodeURIComponent(found[at + 1] ?? '')]));
  }
}

const RegExpEscape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function templateOf(subject: string, path: string): PathTemplate {
  try {
    return parseTemplate(ANYWHERE, path);
  } catch (error) {
    if (error instanceof UrlError) throw new TypeError(`${subject}: ${error.message}`, { cause: error });
    throw error;
  }
}
