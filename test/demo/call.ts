/** One request to a sample API through fetch. */
import type { SampleApi } from '../../demo/apis/sample-api.ts';

export interface Called {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: the body is whatever the API says; tests read fields of it.
  readonly body: any;
}

/** `operation` is `POST /charge`, or `GET /search?q=lamp`. */
export async function call(
  { baseUrl }: Pick<SampleApi, 'baseUrl'>,
  operation: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
  signal?: AbortSignal,
): Promise<Called> {
  const [method = 'GET', path = '/'] = operation.split(' ');
  const response = await fetch(`${baseUrl}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}
