/**
 * The front door: an HTTP server whose requests become messages of pipelines. It looks after what all requests have in common: who may
 * come and how often, how large and how slow a request may be, how many there are. What becomes of one is `reception.ts`.
 *
 * Rests on Fastify, an optional peer that is loaded when a front door opens. Fastify's own JSON parsing, validation and logging are not used.
 */
import { lookup } from 'node:dns/promises';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ReplaySubject, timer } from 'rxjs';
import type { Broker } from '../broker/broker.ts';
import type { Requests } from '../broker/requests.ts';
import type { Facts } from '../events.ts';
import type { Logger } from '../log.ts';
import { ForwardClock } from '../operators/forward-clock.ts';
import { isLoopback } from '../policies/asked-as.ts';
import { Admission, type Admitted } from './admission.ts';
import { BrokerWatch } from './broker-watch.ts';
import { clientAddress } from './client-address.ts';
import { Connections, isLatest } from './connections.ts';
import { GUARDS } from './guards.ts';
import { openApiOf } from './open-api.ts';
import { type Answer, comeAgain, failed, jsonAnswer, problemAnswer, type Refusal } from './problem.ts';
import type { OpenEntrance } from './read-request.ts';
import { Reception } from './reception.ts';
import { refuseConnection, refuseExpectation, refuseTunnel } from './refuse-connection.ts';
import { typeFault } from './request-form.ts';
import { RequestReports } from './request-reports.ts';
import { full, Room } from './room.ts';
import type { Share } from './shared-room.ts';
import { Tickets } from './tickets.ts';
import { whenOver } from './when-over.ts';
import { faultOfName, faultOfPage } from './where-from.ts';

export interface FrontDoorOptions {
  readonly entrances: readonly OpenEntrance[];
  readonly broker: Pick<Broker, 'status'> & Requests;
  readonly log: Logger;
  /** Told of each request that was answered. */
  readonly facts: Facts;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Makes ids of messages: unique, and not to be guessed. */
  readonly newId: () => string;
  /** Addresses of proxies in front, whose `x-forwarded-for` is believed. Default: none. */
  readonly trustedProxies?: readonly string[];
  /** What it is asked under beside loopback's names, in lower case. Where there are any, or it listens on loopback, other names are refused. Default: none. */
  readonly names?: readonly string[];
  /** Requests under way at once, those that wait for a result included; the next is answered 503, as is that of a client who then had more than are left. Default: 10 000. */
  readonly maxRequests?: number;
  /** Bytes at once of bodies that arrive, or that the broker has not confirmed; a request that does not fit is answered 503, as is that of a client who then had more than are left. Default: 64 MiB. */
  readonly maxHeldBytes?: number;
  /** Time for a request to arrive as a whole; counted from the drain for one that it meets on its way. Default: 10 s. */
  readonly requestTimeoutMs?: number;
  /** Time for the broker to confirm. Default: 10 s. */
  readonly acceptWithinMs?: number;
  /** Messages whose state is remembered. Default: 10 000. */
  readonly maxTickets?: number;
  /** For how long, from their acceptance. Default: 15 minutes. */
  readonly keepTicketsMs?: number;
}

export interface FrontDoor {
  readonly url: string;
  /** Lets nobody in any more; who is in is answered, and who does not send the rest of his request in time is not waited for. Idempotent. */
  drain(): void;
  /** Who still waits for a result is told at once that his message is accepted; who has not taken his answer 2 s later is cut. */
  hasten(): void;
  /** Settles when everybody has left. Never rejects. */
  readonly closed: Promise<void>;
}

const DEFAULT_REQUESTS = 10_000;
const DEFAULT_REQUEST_TIMEOUT_MS = 10_000;
const DEFAULT_HELD_BYTES = 64 * 2 ** 20;
/** Answers that are kept for those who ask later, in bytes. */
const MAX_KEPT_BYTES = 32 * 2 ** 20;
/** A client who waits for a result is silent for as long as he may wait, and no longer. */
const SILENCE_MS = 90_000;
/** Time to take an answer, once there is no more time. */
const CUT_AFTER_MS = 2_000;
/** Connections beyond the requests that may be under way: they get their refusal. */
const SPARE_CONNECTIONS = 1_000;

/** @throws ConfigError when settings of clients are missing; what the system says when the address cannot be had. */
export async function openFrontDoor(options: FrontDoorOptions): Promise<FrontDoor> {
  const {
    requestTimeoutMs = DEFAULT_REQUEST_TIMEOUT_MS,
    maxRequests = DEFAULT_REQUESTS,
    trustedProxies = [],
  } = options;
  const clock = new ForwardClock();
  const reports = new RequestReports(options.facts, clock);
  const door = new Door(options, clock, reports);
  const { fastify } = await import('fastify');
  const app = fastify({
    logger: false,
    // Each entrance has its own.
    bodyLimit: 1,
    requestTimeout: requestTimeoutMs,
    connectionTimeout: SILENCE_MS,
    keepAliveTimeout: 5_000,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    trustProxy: trustedProxies.length === 0 ? false : [...trustedProxies],
    routerOptions: { maxParamLength: 200 },
    http: {
      headersTimeout: requestTimeoutMs,
      // Timeouts are enforced by a look around that is 30 s apart by default.
      connectionsCheckingInterval: Math.min(1_000, requestTimeoutMs),
      maxHeaderSize: 16 * 1024,
      // Node's own answers to what lacks a Host, and below to what it cannot serve, are empty: ours say what is wrong.
      requireHostHeader: false,
    },
    frameworkErrors: (_error, request, reply) => {
      reports.begin(reply.raw, request.raw.socket);
      send(reply, problemAnswer(notFound));
    },
    clientErrorHandler: (error, socket) => {
      const status = refuseConnection(error.code, socket);
      if (status !== undefined) reports.cut(socket, status, error.code);
    },
  });
  app.server.maxConnections = maxRequests + SPARE_CONNECTIONS;
  app.server.on('checkExpectation', (request, response) => {
    reports.begin(response, request.socket);
    refuseExpectation(response);
  });
  app.server.on('connect', (_request, socket) => reports.cut(socket, refuseTunnel(socket)));
  door.serveOn(app);
  const connections = new Connections(app.server);
  // Of a name its first address, as Node has it: for localhost Fastify opens a second server where it has two, which knows none of the limits above.
  const { address } = await lookup(options.host.replace(/^\[|\]$/g, ''));
  await app.listen({ host: address, port: options.port });
  return door.opened(app, connections);
}

const notFound: Refusal = {
  status: 404,
  code: 'not-found',
  detail: 'there is nothing here; GET /openapi.json names the paths there are',
};

const goodbye: Refusal = { ...comeAgain('draining', 'this process is ending; another takes over', 1) };

class Door {
  readonly #options: FrontDoorOptions;
  readonly #reports: RequestReports;
  readonly #hurry = new ReplaySubject<void>(1);
  readonly #tickets: Tickets;
  readonly #reception: Reception;
  readonly #admission: Admission;
  readonly #admitted = new WeakMap<FastifyRequest, Admitted>();
  /** Of bodies that are on their way here. */
  readonly #arriving = new WeakMap<FastifyRequest, Share>();
  readonly #room: Room;
  readonly #broker: BrokerWatch;
  #requests = 0;
  #isDraining = false;

  constructor(options: FrontDoorOptions, clock: ForwardClock, reports: RequestReports) {
    this.#options = options;
    this.#reports = reports;
    const { broker, log, newId, acceptWithinMs = 10_000, maxTickets = 10_000, keepTicketsMs = 15 * 60_000 } = options;
    const { maxHeldBytes = DEFAULT_HELD_BYTES, maxRequests = DEFAULT_REQUESTS } = options;
    this.#room = new Room(maxRequests, maxHeldBytes);
    this.#broker = new BrokerWatch(broker.status);
    this.#tickets = new Tickets({ maxTickets, maxBytes: MAX_KEPT_BYTES, keepMs: keepTicketsMs, clock });
    const { tickets, hurry, stalled } = { tickets: this.#tickets, hurry: this.#hurry, stalled: this.#broker.stalled };
    this.#reception = new Reception({ broker, tickets, log, newId, acceptWithinMs, hurry, stalled });
    this.#admission = new Admission(options.entrances, clock, log);
  }

  serveOn(app: FastifyInstance): void {
    const { entrances, host, names = [], maxRequests = DEFAULT_REQUESTS } = this.#options;
    const known = names.length > 0 || isLoopback(host) ? new Set(names) : undefined;
    const pipelines = new Map(entrances.map(({ name, ingress }) => [`${ingress.method} ${ingress.path}`, name]));
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    app.setErrorHandler<Error & { readonly code?: string }>((error, request, reply) =>
      send(reply, problemAnswer(this.#refusalOf(error, request.routeOptions.bodyLimit))),
    );
    app.addHook('onRequest', (request, reply, next) => {
      const { method, url } = request.routeOptions;
      this.#reports.begin(reply.raw, request.raw.socket, pipelines.get(`${String(method)} ${url}`));
      const crowded = this.#requests >= maxRequests ? full : undefined;
      const refusal = this.#isDraining ? goodbye : (crowded ?? faultOfName(request.headers, known));
      if (refusal !== undefined) return send(reply, problemAnswer(refusal));
      this.#requests++;
      whenOver(reply.raw, request.raw.socket, () => this.#requests--);
      // Before its body is read: of that nobody has said how large it may be.
      if (request.is404) return send(reply, this.#nothingAt(request));
      next();
    });
    app.addHook('onSend', (request, reply, _payload, next) => {
      // What was not read is not worth waiting for; and who is answered while the door closes has to find another, once he has all his answers.
      const isLeaving = this.#isDraining && isLatest(request.raw);
      if (isLeaving || hasMore(request.raw)) reply.header('connection', 'close');
      next();
    });
    for (const entrance of entrances) this.#serve(entrance, app);
    const description = jsonAnswer(200, openApiOf(entrances));
    app.get('/openapi.json', (_request, reply) => send(reply, description));
  }

  /** Another path, or another method than its path takes. */
  #nothingAt({ method, url }: FastifyRequest): Answer {
    const path = url.split('?', 1)[0];
    const entrance = this.#options.entrances.find(({ ingress }) => ingress.path === path);
    if (entrance === undefined) return problemAnswer(notFound);
    const expected = entrance.ingress.method;
    const headers = { allow: `${expected}, OPTIONS` };
    // Without the headers of CORS: no page of another origin may send anything.
    if (method === 'OPTIONS') return { status: 204, headers, text: '' };
    return problemAnswer({ status: 405, code: 'method', detail: `expected ${expected}`, headers });
  }

  #serve(entrance: OpenEntrance, app: FastifyInstance): void {
    const { method, path, maxBodyBytes } = entrance.ingress;
    const isForAnybody = typeof entrance.ingress.auth !== 'object';
    const identify = (request: FastifyRequest, reply: FastifyReply, next: () => void): void => {
      const refusal = isForAnybody ? faultOfPage(request.headers) : undefined;
      if (refusal === undefined) this.#identify(entrance, request, reply, next);
      else send(reply, problemAnswer(refusal));
    };
    const makeRoom = (request: FastifyRequest, reply: FastifyReply, next: () => void): void => {
      const refusal =
        this.#broker.fault() ?? faultOfBody(entrance, request) ?? this.#takeIn(request, reply, maxBodyBytes);
      if (refusal === undefined) next();
      else send(reply, problemAnswer(refusal));
    };
    app.route({
      method,
      url: path,
      bodyLimit: maxBodyBytes,
      onRequest: [identify, makeRoom],
      handler: (request, reply) => this.#receive(entrance, request, reply),
    });
    app.route<{ Params: { id: string } }>({
      method: 'GET',
      url: `${path}/status/:id`,
      onRequest: identify,
      handler: (request, reply) => {
        const client = this.#admitted.get(request)?.client ?? '';
        send(reply, this.#reception.statusOf(entrance, request.params.id, client));
      },
    });
  }

  opened(app: FastifyInstance, connections: Connections): FrontDoor {
    const { requestTimeoutMs = DEFAULT_REQUEST_TIMEOUT_MS } = this.#options;
    const watching = this.#broker.watch();
    let end = (): void => {};
    const closed = new Promise<void>((resolve) => {
      end = resolve;
    });
    return {
      url: urlOf(app.server.address() as AddressInfo),
      drain: () => {
        if (this.#isDraining) return;
        this.#isDraining = true;
        const ending = connections.endUnasked(requestTimeoutMs).subscribe();
        void closed.then(() => ending.unsubscribe());
        void app.close().then(() => {
          watching.unsubscribe();
          this.#tickets.clear();
          end();
        }, end);
      },
      hasten: () => {
        this.#hurry.next();
        const cutting = timer(CUT_AFTER_MS).subscribe(() => app.server.closeAllConnections());
        void closed.then(() => cutting.unsubscribe());
      },
      closed,
    };
  }

  /** Who sends it, and whether he may now. */
  #identify(entrance: OpenEntrance, request: FastifyRequest, reply: FastifyReply, next: () => void): void {
    const address = clientAddress(request.ip, request.socket.remoteAddress ?? '');
    const asking = this.#admission.admit(entrance, request.headers, address).subscribe((outcome) => {
      if ('status' in outcome) return send(reply, problemAnswer(outcome));
      this.#admitted.set(request, outcome);
      next();
    });
    whenOver(reply.raw, request.raw.socket, () => asking.unsubscribe());
  }

  /** A place for as long as the request is under way, and room for its body until that has left. */
  #takeIn(request: FastifyRequest, reply: FastifyReply, maxBytes: number): Refusal | undefined {
    const counted = this.#admitted.get(request)?.counted ?? '';
    const stay = this.#room.enter(counted, Number(request.headers['content-length'] ?? maxBytes));
    if ('status' in stay) return stay;
    this.#arriving.set(request, stay.body);
    whenOver(reply.raw, request.raw.socket, () => {
      stay.place.shrinkTo(0);
      // Of a body that never came, or not as a whole.
      this.#arriving.get(request)?.shrinkTo(0);
    });
    return undefined;
  }

  #receive(entrance: OpenEntrance, request: FastifyRequest, reply: FastifyReply): void {
    const client = this.#admitted.get(request)?.client ?? '';
    const body = request.body instanceof Uint8Array ? request.body : new Uint8Array();
    // Whoever waits for a result does so without it; and it is on its way, and takes room, whether or not he stays.
    request.body = undefined;
    const share = this.#arriving.get(request);
    this.#arriving.delete(request);
    share?.shrinkTo(body.byteLength);
    const letGo = (): void => share?.shrinkTo(0);
    // While the body came.
    const refusal = this.#broker.fault();
    if (refusal !== undefined) {
      letGo();
      send(reply, problemAnswer(refusal));
      return;
    }
    const receiving = this.#reception.receive(entrance, { client, headers: request.headers, body, letGo }).subscribe({
      next: (answer) => send(reply, answer),
      error: (error: unknown) => {
        letGo();
        this.#options.log.error({ error, pipeline: entrance.name }, 'a request failed');
        send(reply, problemAnswer(failed));
      },
    });
    // The client has left: nobody waits for the result any more.
    whenOver(reply.raw, request.raw.socket, () => receiving.unsubscribe());
  }

  #refusalOf(error: Error & { readonly code?: string }, maxBodyBytes: number): Refusal {
    switch (error.code) {
      case 'FST_ERR_CTP_BODY_TOO_LARGE':
        return tooLarge(maxBodyBytes);
      case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
        return { status: 400, code: 'content-length', detail: 'the body is not as long as its content-length says' };
      case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
        return { status: 415, code: 'content-type', detail: 'the content-type is malformed' };
      case 'ECONNRESET':
        return { status: 400, code: 'aborted', detail: 'the request broke off' };
      default:
        this.#options.log.error({ error }, 'a request failed');
        return failed;
    }
  }
}

const tooLarge = (maxBodyBytes: number): Refusal => ({
  status: 413,
  code: 'body-too-large',
  detail: `the body has more than ${maxBodyBytes} bytes, which is the most it may have here`,
});

/** What is wrong with the body, by what is said of it. */
const faultOfBody = ({ ingress, form }: OpenEntrance, { headers }: FastifyRequest): Refusal | undefined =>
  Number(headers['content-length']) > ingress.maxBodyBytes ? tooLarge(ingress.maxBodyBytes) : typeFault(form, headers);

/** Whether bytes of it may be on their way. Node calls one without a body complete a moment after it has come. */
const hasMore = ({ complete, headers }: IncomingMessage): boolean =>
  !complete && (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0);

function send(reply: FastifyReply, { status, headers, text }: Answer): void {
  if (reply.sent) return;
  reply.code(status).headers({ ...GUARDS, ...headers });
  // As bytes, to which Fastify adds nothing.
  reply.send(text === '' ? undefined : Buffer.from(text));
}

const urlOf = ({ address, family, port }: AddressInfo): string =>
  `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
