/** A worker's metrics, asked for over HTTP. Whatever answers there may be none: what it says is bounded, in time and in size, and looked at. */
import { fromEvent, merge, timer } from 'rxjs';
import type { Secret } from '../../setting.ts';
import { readMetrics, type Sample } from './read-metrics.ts';

/** A worker with a thousand pipelines tells less. */
const MAX_BYTES = 32 * 1024 * 1024;

/** The first every worker tells from its start, the other a parent none of whose workers runs yet. */
const TOLD_BY_WORKERS: readonly string[] = ['sluice_broker_connected', 'sluice_fleet_running'];

/** What keeps an address from being a worker's. One that may hold a password is not shown. */
export function faultOfAddress(address: string): string | undefined {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    const got = address.includes('@') ? '' : `, got "${address}"`;
    return `expected the address that "sluice run" prints, like http://127.0.0.1:8080${got}`;
  }
  if (url.username === '' && url.password === '') return undefined;
  return 'must not hold a user name or password: a worker asks for its token alone, which SLUICE_TOKEN or SLUICE_TOKEN_FILE tells';
}

/** Where a worker tells its metrics: below the path of its address, which a proxy may have given it. */
export function metricsUrl(address: string): URL {
  const { origin, pathname } = new URL(address);
  return new URL(`${pathname.replace(/\/+$/, '')}/metrics`, origin);
}

export interface AskOptions {
  readonly token?: Secret | undefined;
  /** Gives up at once. */
  readonly stop: AbortSignal;
  /** For head and body together. Default: 5 s. */
  readonly withinMs?: number;
}

/** @throws Error that says in a person's words why there is no answer. */
export async function askWorker(url: URL, { token, stop, withinMs = 5_000 }: AskOptions): Promise<readonly Sample[]> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` };
  // Not AbortSignal.any: Node forgets the time limit that nothing else holds.
  const asking = new AbortController();
  const ended = merge(timer(withinMs), fromEvent(stop, 'abort')).subscribe(() => asking.abort());
  let response: Response;
  let text: string | undefined;
  try {
    // Another place is not asked: it would be shown the token.
    response = await fetch(url, { headers, redirect: 'manual', signal: asking.signal });
    if (response.ok) text = await textOf(response);
    else await response.body?.cancel();
  } catch {
    throw new Error('does not answer; is a worker running there?');
  } finally {
    ended.unsubscribe();
  }
  if (response.status === 401) throw new Error('asks for its token: set SLUICE_TOKEN to that of the worker');
  if (!response.ok) throw new Error(`answered ${response.status}: is that a worker of sluice?`);
  const samples = text === undefined ? [] : readMetrics(text);
  // Shown as a worker it would be one without a broker.
  if (!samples.some(({ name }) => TOLD_BY_WORKERS.includes(name)))
    throw new Error('answers, and tells nothing of sluice: is that a worker of sluice?');
  return samples;
}

/** Undefined where it is longer than that of any worker. */
async function textOf({ body }: Response): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    // Leaving the loop cancels the rest.
    if (bytes > MAX_BYTES) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
