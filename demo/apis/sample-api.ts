/**
 * One sample API: an HTTP server on its own port that honours idempotency keys, keeps a journal and fails on command.
 * Plain node:http, loopback unless told otherwise, nothing on disk.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type ApiState, answerRequest } from './answer-request.ts';
import { PREFIX, type SampleApiEntry } from './catalogue.ts';
import { answerControl, isControl } from './control.ts';
import { Effects } from './effects.ts';
import { type Fault, Faults, type PlacedFault } from './fault.ts';
import { type Counts, type JournalEntry, RequestJournal } from './request-journal.ts';
import { BodyTooLargeError, sendJson } from './respond.ts';

export interface SampleApi {
  readonly name: string;
  /** Environment variable that tells a worker the base URL. */
  readonly variable: string;
  /** `http://127.0.0.1:4002/api/v1` */
  readonly baseUrl: string;
  /** Newest requests, oldest first. */
  readonly journal: readonly JournalEntry[];
  readonly faults: readonly PlacedFault[];
  /** Counts of every request since the start, of one operation (`POST /charge`) or of all. */
  counts(operation?: string): Counts;
  /**
   * Makes requests fail from now on; faults placed earlier come first.
   * @throws FaultInvalidError for a fault that is not known, or an operation this API does not have.
   */
  fault(fault: Fault): PlacedFault;
  /** As new: no faults, no journal, no keys, no memory of effects. */
  clear(): void;
  /** Cuts every connection and frees the port. */
  stop(): Promise<void>;
}

export interface SampleApiOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly maxJournalEntries: number;
}

/** A port or address cannot be had. */
export class SampleApiListenError extends Error {
  override readonly name = 'SampleApiListenError';
}

/** @throws SampleApiListenError when the port is taken or the host is not of this machine. */
export async function startSampleApi(
  name: string,
  entry: SampleApiEntry,
  options: SampleApiOptions,
): Promise<SampleApi> {
  const { host, port, maxJournalEntries } = options;
  const { variable, operations } = entry;
  const faults = new Faults(operations.map((operation) => operation.name));
  const journal = new RequestJournal(maxJournalEntries);
  const effects = new Effects();

  const server = serve({ name, operations, faults, journal, effects });
  const boundPort = await listen(server, host, port).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'EADDRINUSE' ? 'the port is taken' : cause.message;
    throw new SampleApiListenError(`sample API "${name}" cannot listen on ${host}:${port}: ${why}`, { cause });
  });
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host;

  return {
    name,
    variable,
    baseUrl: `http://${reachable}:${boundPort}${PREFIX}`,
    get journal() {
      return journal.entries;
    },
    get faults() {
      return faults.placed;
    },
    counts: (operation) => journal.counts(operation),
    fault: (fault) => faults.place(fault),
    clear: () => {
      faults.clear();
      journal.clear();
      effects.clear();
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function serve(state: ApiState): Server {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    return isControl(url.pathname)
      ? answerControl(state, request, response, url.pathname)
      : answerRequest(state, request, response, url);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((cause: unknown) => {
      if (response.destroyed || response.headersSent) return;
      const status = cause instanceof BodyTooLargeError ? 413 : 500;
      sendJson(response, { status, body: { error: String(cause) } }, { connection: 'close' });
    });
  });
  // Longer than any client keeps an idle connection, so that it is never this side that closes one under a request.
  server.keepAliveTimeout = 60_000;
  return server;
}

/** Gives the port it got: 0 asks for any. */
const listen = (server: Server, host: string, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
