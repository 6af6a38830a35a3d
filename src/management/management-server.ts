/**
 * The worker's own HTTP server: health, metrics, the dashboard and its actions, as routes that others hand in. It looks after what they
 * have in common: who may ask, how large and how slow a request may be, how many connections and streams there are.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { asyncScheduler, filter, interval, merge, NEVER, type Observable, ReplaySubject, startWith } from 'rxjs';
import { systemCodeOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import { isLoopback } from '../policies/asked-as.ts';
import { rotating } from '../rotating.ts';
import { canChange, type Secret, type Setting } from '../setting.ts';
import { type AdmissionRules, faultOfOrigin, faultOfSite, faultOfToken, isTrusted } from './admission.ts';
import { boundConnections } from './connections.ts';
import { readBody } from './read-body.ts';
import { type Answer, type Route, refusal, type WholeAnswer } from './route.ts';
import { isWhole, sendStream, sendWhole } from './send.ts';

export interface ManagementServerOptions {
  /** Address to listen on. What is not loopback needs a token. */
  readonly host: string;
  /** Undefined: 8080, or a free port where that is taken. 0: a free port. */
  readonly port: number | undefined;
  /** Where it is set, all but open routes ask for it. Without it no action is served. Of one in a file that is replaced the old one counts for 10 s at most. */
  readonly token: Secret | Setting<Secret> | undefined;
  /** Told of actions, done and refused, of routes that fail, and of a token that is replaced. */
  readonly log: Logger;
  /** Connections open at once; the one idle longest gives way. Default: 100. */
  readonly maxConnections?: number;
  /** Streams open at once; the next is refused with 503. Default: 16. */
  readonly maxStreams?: number;
  /** Time for a request to arrive as a whole. Default: 5000. */
  readonly requestTimeoutMs?: number;
  /** How long a stream's reader may take nothing. Default: 120000. */
  readonly stallMs?: number;
}

export interface ManagementServer {
  readonly url: string;
  /** Serves these routes too, until the returned function is called. A route of the same method and path is replaced. */
  serve(routes: readonly Route[]): () => void;
  /** Ends every answer and stream. */
  close(): Promise<void>;
}

const DEFAULT_PORT = 8080;
/** Refused actions are told at most so often: whoever knocks must not fill the log. */
const REFUSALS_TOLD_EVERY_MS = 10_000;

/** Who has shown a token that is replaced meanwhile is cut off about so much later, on top of what it takes to see the new one. */
const TRUST_LASTS_MS = 1_000;

/** @throws when the port or the address cannot be had. */
export async function startManagementServer(options: ManagementServerOptions): Promise<ManagementServer> {
  const { host, port, token, log, maxConnections = 100, maxStreams = 16 } = options;
  const { requestTimeoutMs = 5_000, stallMs = 120_000 } = options;
  if (!isLoopback(host) && token === undefined) throw new TypeError(`${host} is not loopback: it needs a token`);
  const currentToken = token === undefined ? undefined : rotating(token, (secret) => secret, log);
  /** A request is let in by those of its beginning, whatever the token is when its body has come or its answer is made. */
  const currentRules = (): AdmissionRules => ({ isLoopback: isLoopback(host), token: currentToken?.() });
  const routes = new Map<string, Map<string, Route>>();
  const closing = new ReplaySubject<void>(1);
  const tellRefusal = throttled(log);
  let streams = 0;

  const answerTo = async (
    request: IncomingMessage,
    path: string,
    query: URLSearchParams,
    rules: AdmissionRules,
  ): Promise<Answer> => {
    const { headers } = request;
    const fault = faultOfOrigin(headers, rules);
    if (fault !== undefined) return fault;
    const methods = routes.get(path);
    if (methods === undefined) return unknownPath(headers, rules, routes);
    const route = methods.get(request.method === 'HEAD' ? 'GET' : (request.method ?? ''));
    if (route === undefined) return notAllowed(methods);
    const refused = faultOfSite(headers, route) ?? faultOfToken(headers, route, rules);
    if (refused !== undefined) return refused;
    const isAsked = route.method === 'POST';
    const body = isAsked ? await readBody(request) : ({ ok: true, value: undefined } as const);
    if (!body.ok) return body.refusal;
    // Nothing goes over the line while a route works, and some work for minutes: many letters, put back a few a second.
    request.socket.setTimeout(0);
    return route.answer({
      query,
      body: body.value,
      isTrusted: isTrusted(headers, rules),
      header: (name) => {
        const value = headers[name];
        return Array.isArray(value) ? value[0] : value;
      },
    });
  };

  /** When a stream that was let in by a token shows what that token may see no longer: at its beginning too, for its route may have taken long. */
  const distrust = (headers: IncomingMessage['headers'], letInBy: AdmissionRules): Observable<unknown> =>
    canChange(token) && isTrusted(headers, letInBy)
      ? interval(TRUST_LASTS_MS).pipe(
          startWith(0),
          filter(() => !isTrusted(headers, currentRules())),
        )
      : NEVER;

  const send = async (
    request: IncomingMessage,
    response: ServerResponse,
    answer: Answer,
    rules: AdmissionRules,
  ): Promise<void> => {
    request.socket.setTimeout(stallMs);
    if (isWhole(answer)) return sendWhole(request, response, answer);
    if (request.method === 'HEAD') return sendWhole(request, response, { ...answer, status: 200, body: '' });
    if (streams >= maxStreams)
      return sendWhole(
        request,
        response,
        refusal(503, `there are ${maxStreams} streams already`, { 'retry-after': '5' }),
      );
    streams++;
    try {
      await sendStream(request, response, answer, merge(closing, distrust(request.headers, rules)), stallMs);
    } finally {
      streams--;
    }
  };

  const serveRequest = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [path = '', search = ''] = (request.url ?? '').split('?', 2);
    const from = request.socket.remoteAddress;
    try {
      const rules = currentRules();
      const answer = await answerTo(request, path, new URLSearchParams(search), rules);
      const status = isWhole(answer) ? answer.status : 200;
      if (request.method === 'POST') {
        const isServed = routes.get(path)?.has('POST') === true;
        if (status === 401 || status === 403 || status === 421)
          tellRefusal({ action: isServed ? path : undefined, status, from });
        else if (isServed) log.info({ action: path, status, from }, 'action');
      }
      await send(request, response, answer, rules);
    } catch (error) {
      if (request.destroyed && !request.complete) return;
      log.error({ error, path: routes.has(path) ? path : undefined }, 'a management request failed');
      if (response.headersSent) response.destroy();
      else sendWhole(request, response, refusal(500, 'this went wrong; the log of the worker says why'));
    }
  };

  const server = createServer(
    {
      requestTimeout: requestTimeoutMs,
      headersTimeout: requestTimeoutMs,
      // Timeouts are enforced by a look around that is 30 s apart by default.
      connectionsCheckingInterval: Math.min(1_000, requestTimeoutMs),
      keepAliveTimeout: 1_000,
      maxHeaderSize: 8 * 1024,
    },
    (request, response) => {
      void serveRequest(request, response);
    },
  );
  // Who does not read the answer he asked for.
  server.timeout = stallMs;
  boundConnections(server, maxConnections);
  await listen(server, host, port);
  return {
    url: urlOf(server),
    serve: (added) => {
      for (const route of added) {
        const methods = routes.get(route.path) ?? new Map<string, Route>();
        routes.set(route.path, methods.set(route.method, route));
      }
      return () => {
        for (const route of added) {
          const methods = routes.get(route.path);
          if (methods?.get(route.method) === route) methods.delete(route.method);
          if (methods?.size === 0) routes.delete(route.path);
        }
      };
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        closing.next();
        server.closeAllConnections();
      }),
  };
}

/** What there is, for those who may know. */
function unknownPath(
  headers: IncomingMessage['headers'],
  rules: AdmissionRules,
  routes: ReadonlyMap<string, unknown>,
): WholeAnswer {
  return refusal(404, isTrusted(headers, rules) ? `there are ${[...routes.keys()].sort().join(', ')}` : 'not found');
}

function notAllowed(methods: ReadonlyMap<string, Route>): WholeAnswer {
  const allowed = [...methods.keys()].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  return refusal(405, `${allowed.join(' or ')} only`, { allow: allowed.join(', ') });
}

function throttled(log: Logger): (fields: object) => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  let untold = 0;
  return (fields) => {
    const now = asyncScheduler.now();
    if (now - toldAt < REFUSALS_TOLD_EVERY_MS) {
      untold++;
      return;
    }
    log.warn({ ...fields, ...(untold === 0 ? {} : { untold }) }, 'an action was refused');
    toldAt = now;
    untold = 0;
  };
}

/** A port that was asked for has to be had; the default one gives way, so that two workers run side by side. */
async function listen(server: Server, host: string, port: number | undefined): Promise<void> {
  if (port !== undefined) return listenOn(server, host, port);
  try {
    await listenOn(server, host, DEFAULT_PORT);
  } catch (error) {
    if (systemCodeOf(error) !== 'EADDRINUSE') throw error;
    await listenOn(server, host, 0);
  }
}

const listenOn = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host.replace(/^\[|\]$/g, ''), () => {
      server.off('error', reject);
      resolve();
    });
  });

function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
