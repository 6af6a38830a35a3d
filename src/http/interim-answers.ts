/**
 * Interim answers (1xx), which come before the one that counts, any number of them and unasked, too: a client passes them over (RFC 9110, 15.2).
 * undici ends the connection of a `100 Continue`, because it never asks for one; Node, below axios, bounds none.
 */
import type { ClientRequest } from 'node:http';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { TransportError } from './transport.ts';

const load = createRequire(import.meta.url);

/** So many before an answer: a server that says every second that it is still at it has said so for longer than most calls may take. */
const MOST_INTERIM = 1_000;

/** Told of each interim answer to one request. @returns the failure of a server that sends nothing else. */
export class InterimAnswers {
  #count = 0;

  another(): TransportError | undefined {
    this.#count++;
    return this.#count > MOST_INTERIM
      ? new TransportError('response', `more than ${MOST_INTERIM} interim answers (1xx), and none that counts`)
      : undefined;
  }
}

const CONTINUE = 100;
/** undici hands it on as it does every other. */
const PROCESSING = 102;

interface Parser {
  onHeadersComplete(status: number, isUpgrade: boolean, staysOpen: boolean): number;
}

const isParser = (value: unknown): value is Parser =>
  typeof value === 'object' &&
  value !== null &&
  'onHeadersComplete' in value &&
  typeof value.onHeadersComplete === 'function';

/** For a socket that undici has begun to read from: a 100 passes as another interim answer does. Where undici has no parser there, it is left alone. */
export function passOverContinue(socket: Socket): void {
  const { kParser } = load('undici/lib/core/symbols.js') as { readonly kParser: symbol };
  const parser: unknown = Reflect.get(socket, kParser);
  if (!isParser(parser)) return;
  const { onHeadersComplete } = parser;
  parser.onHeadersComplete = (status, isUpgrade, staysOpen) =>
    onHeadersComplete.call(parser, status === CONTINUE ? PROCESSING : status, isUpgrade, staysOpen);
}

/** The same bound for a request of Node's own. */
export function boundInterim(request: ClientRequest): void {
  const interim = new InterimAnswers();
  request.on('information', () => {
    const failure = interim.another();
    if (failure !== undefined) request.destroy(failure);
  });
}
