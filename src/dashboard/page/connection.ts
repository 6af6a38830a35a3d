/** The line to the worker: the event stream with its reconnects, questions, actions, and the token they show. */
import type { Frame } from '../wire.ts';

export type Line =
  | { readonly state: 'connecting' | 'live' }
  | { readonly state: 'lost'; readonly since: number; readonly why: string }
  | { readonly state: 'locked' };

const TOKEN = 'sluice-token';
const RETRY_MS = 1_500;
/** The worker says something every 2 s. */
const SILENCE_MS = 8_000;

export const token = {
  get: (): string => sessionStorage.getItem(TOKEN) ?? '',
  /** Kept for this tab alone. */
  set: (value: string): void => sessionStorage.setItem(TOKEN, value),
};

const authorization = (): Record<string, string> =>
  token.get() === '' ? {} : { authorization: `Bearer ${token.get()}` };

/** Answers that say why not. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Paths are those beside the page: a proxy may have it below a path of its own. */
export const ask = <T>(path: string): Promise<T> => request<T>(path, { headers: authorization() });

export const act = <T>(path: string, body: unknown): Promise<T> =>
  request<T>(path, {
    method: 'POST',
    headers: { ...authorization(), 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

async function request<T>(path: string, init: RequestInit): Promise<T> {
  const response = await fetch(path, { ...init, cache: 'no-store' });
  const answer = (await response.json()) as T & { readonly error?: string };
  if (!response.ok) throw new Refused(response.status, answer.error ?? `the worker answered ${response.status}`);
  return answer;
}

export interface Listener {
  onFrame(frame: Frame): void;
  onLine(line: Line): void;
}

/** Keeps the stream open for as long as the page is. @returns a way to connect at once, with a new token for example. */
export function connect(listener: Listener): { readonly again: () => void } {
  let lastEventId = '';
  let attempt = new AbortController();
  let lostSince: number | undefined;
  let wake = (): void => undefined;

  const run = async (): Promise<void> => {
    for (;;) {
      attempt = new AbortController();
      try {
        await read(attempt.signal, lastEventId, (id, data) => {
          lastEventId = id;
          lostSince = undefined;
          listener.onLine({ state: 'live' });
          listener.onFrame(JSON.parse(data) as Frame);
        });
        throw new Error('the stream ended');
      } catch (error) {
        if (error instanceof Refused && error.status === 401) listener.onLine({ state: 'locked' });
        else {
          lostSince ??= Date.now();
          listener.onLine({ state: 'lost', since: lostSince, why: error instanceof Error ? error.message : '' });
        }
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, RETRY_MS);
      });
    }
  };
  void run();
  return {
    again: () => {
      // A token that is wrong as well is told anew.
      listener.onLine({ state: 'connecting' });
      attempt.abort();
      wake();
    },
  };
}

/** EventSource cannot show a token, so the stream is read by hand. */
async function read(
  given: AbortSignal,
  lastEventId: string,
  onEvent: (id: string, data: string) => void,
): Promise<void> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  const headers = { ...authorization(), ...(lastEventId === '' ? {} : { 'last-event-id': lastEventId }) };
  try {
    const response = await fetch('events', {
      headers,
      cache: 'no-store',
      signal: AbortSignal.any([given, silence.signal]),
    });
    if (!response.ok || response.body === null)
      throw new Refused(response.status, `the worker answered ${response.status}`);
    let rest = '';
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      const events = (rest + chunk).split('\n\n');
      rest = events.pop() ?? '';
      for (const event of events) {
        const [, id = '', data = ''] = /^id: (.*)\ndata: (.*)$/.exec(event) ?? [];
        if (data !== '') onEvent(id, data);
      }
    }
  } finally {
    clearTimeout(timer);
  }
}
