/** A worker's metrics, asked for over HTTP. Whatever answers there may be none: what it says is bounded, in time and in size, and looked at. */
import { firstValueFrom, fromEvent, takeUntil } from 'rxjs';
import { fetchOnce } from '../../http/fetch-once.ts';
import { TransportError } from '../../http/transport.ts';
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
  const headers = {
    accept: 'text/plain',
    ...(token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` }),
  };
  // Another place is not asked, nor one that is not certified: it would be shown the token.
  const asking = fetchOnce({ url, headers, maxBytes: MAX_BYTES, withinMs }).pipe(takeUntil(fromEvent(stop, 'abort')));
  const { status, body } = await firstValueFrom(asking).catch((error: unknown) => {
    throw new Error(reasonOf(error));
  });
  if (status === 401) throw new Error('asks for its token: set SLUICE_TOKEN to that of the worker');
  if (status < 200 || status > 299) throw new Error(`answered ${status}: is that a worker of sluice?`);
  const samples = readMetrics(new TextDecoder().decode(body));
  // Shown as a worker it would be one without a broker.
  if (!samples.some(({ name }) => TOLD_BY_WORKERS.includes(name))) throw new Error(STRANGER);
  return samples;
}

const STRANGER = 'answers, and tells nothing of sluice: is that a worker of sluice?';

function reasonOf(error: unknown): string {
  if (!(error instanceof TransportError)) return NOBODY;
  if (error.fault === 'size') return STRANGER;
  return /^(certificate of|no TLS connection)/.test(error.message)
    ? `is not asked: ${error.message}; NODE_EXTRA_CA_CERTS names an authority of your own`
    : NOBODY;
}

const NOBODY = 'does not answer; is a worker running there?';
