/**
 * What carries the requests of services: the transport port over a broker's direct reply-to. `http` knows no broker and the broker no calls;
 * the worker, which has both, joins them here.
 */
import { Observable } from 'rxjs';
import type { Broker, BrokerStatus } from '../broker/broker.ts';
import { REQUEST_HEADER, type Reply, type Requests } from '../broker/requests.ts';
import {
  BrokerUnavailableError,
  messageOf,
  PayloadInvalidError,
  PublishUnknownError,
  ReplyLostError,
  ResultInvalidError,
} from '../errors.ts';
import { API_DEFAULTS } from '../http/api-defaults.ts';
import { ERROR_CODE_HEADER } from '../http/classify.ts';
import { destinationOf, type ServiceDefinition } from '../http/define-service.ts';
import { type Transport, TransportError, type TransportRequest, type TransportResponse } from '../http/transport.ts';
import { inflateBody, mediaType } from '../message/codec.ts';
import { CONVERSATION_HEADER } from '../message/identity.ts';
import { readJson } from '../message/json.ts';
import type { OutgoingMessage } from '../message/outgoing.ts';

export interface CarrierParts {
  /** Where requests are asked from, by the correlation id of each. */
  readonly requests: Requests;
  /** A new correlation id, which nobody can guess: whoever knows it and the place answers go to can answer. */
  readonly newId: () => string;
}

/**
 * The transport of a service. A request goes out as mandatory, not persistent, and expires when nobody waits for it any more; the first answer
 * under its own correlation id counts. Holds one entry for each request that is out.
 *
 * What is not sent or not answered is a TransportError: `network` where no queue takes it or the queue refuses it, `carrier` where its fate is the
 * broker's, `size` and `response` for an answer that cannot be read.
 */
export function carrierOf(definition: ServiceDefinition, { requests, newId }: CarrierParts): Transport {
  const maxBytes = definition.options.maxResponseBytes ?? API_DEFAULTS.maxBytes;
  return (request) =>
    new Observable((sink) => {
      const correlationId = newId();
      return requests.request(messageFor(definition, request, correlationId), correlationId).subscribe({
        next: (progress) => {
          if (progress.kind !== 'reply') return;
          try {
            sink.next(responseOf(progress.reply, maxBytes));
            sink.complete();
          } catch (refusal) {
            sink.error(refusal);
          }
        },
        error: (failure: unknown) => sink.error(faultOf(failure)),
      });
    });
}

/** Of HTTP alone, or told otherwise here. */
const NOT_HEADERS: ReadonlySet<string> = new Set(['content-type', 'idempotency-key', CONVERSATION_HEADER]);

function messageFor(definition: ServiceDefinition, request: TransportRequest, correlationId: string): OutgoingMessage {
  const { path: operation, headers, body = new Uint8Array(), timeoutMs, sentFor } = request;
  const carried = Object.entries(headers).filter(([name]) => !NOT_HEADERS.has(name));
  return {
    ...destinationOf(definition, operation),
    mandatory: true,
    body,
    headers: {
      ...Object.fromEntries(carried),
      [CONVERSATION_HEADER]: sentFor?.owner.correlationId ?? headers[CONVERSATION_HEADER],
      [REQUEST_HEADER.tell]: 'outcome',
    },
    properties: {
      ...definedOnly({ messageId: headers['idempotency-key'], contentType: headers['content-type'] }),
      ...(timeoutMs === undefined ? {} : { expiration: String(Math.max(1, timeoutMs)) }),
      correlationId,
      type: operation,
      persistent: false,
    },
  };
}

type Texts<T> = { [Name in keyof T]?: string };

const definedOnly = <T extends Readonly<Record<string, string | undefined>>>(texts: T): Texts<T> =>
  Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== undefined)) as Texts<T>;

/** An answer that tells of a dead letter: the request was given up for good. As of HTTP, "understood, and cannot be processed". */
const GIVEN_UP = 422;
/** One whose failure may pass: "not now". */
const IN_TROUBLE = 503;
/** A problem that names no status. */
const UNNAMED = 500;

/**
 * What a reply means, by the conventions of a pipeline and of RFC 9457: a result, `done` without one, a dead letter, a problem.
 * @throws TransportError for a body that is too large or cannot be inflated.
 */
function responseOf({ body: sent, properties, headers: told }: Reply, maxBytes: number): TransportResponse {
  const outcome = told[REQUEST_HEADER.outcome];
  const code = told[REQUEST_HEADER.errorCode];
  const retryAfter = told['retry-after'];
  const headers = {
    ...(properties.contentType === undefined ? {} : { 'content-type': properties.contentType }),
    ...(typeof code === 'string' ? { [ERROR_CODE_HEADER]: code } : {}),
    ...(typeof retryAfter === 'string' || typeof retryAfter === 'number' ? { 'retry-after': String(retryAfter) } : {}),
  };
  if (outcome === 'done') return { status: 204, headers, body: new Uint8Array() };
  if (outcome === 'dead-lettered') {
    const status = told[REQUEST_HEADER.transient] === true ? IN_TROUBLE : GIVEN_UP;
    return { status, headers, body: new Uint8Array() };
  }
  const body = inflateBody(sent, properties.contentEncoding, maxBytes);
  if (body instanceof PayloadInvalidError)
    throw new TransportError(body.fault === 'size' ? 'size' : 'response', body.message, { cause: body });
  const isProblem = mediaType(properties.contentType) === 'application/problem+json';
  return { status: isProblem ? statusOf(body) : 200, headers, body };
}

function statusOf(problem: Uint8Array): number {
  const reading = readJson(problem);
  const value: unknown = reading.ok ? reading.value : undefined;
  const status = typeof value === 'object' && value !== null && 'status' in value ? value.status : undefined;
  return typeof status === 'number' && Number.isInteger(status) && status >= 400 && status <= 599 ? status : UNNAMED;
}

/** What the broker says of a request, by whose fault it is. */
function faultOf(failure: unknown): TransportError {
  const text = messageOf(failure);
  const options = { cause: failure };
  if (failure instanceof ResultInvalidError) return new TransportError('request', text, options);
  const isOfTheBroker =
    failure instanceof ReplyLostError ||
    failure instanceof PublishUnknownError ||
    failure instanceof BrokerUnavailableError;
  return new TransportError(isOfTheBroker ? 'carrier' : 'network', text, options);
}

/**
 * A transport that fails at once while there is no way to the broker: what waited inside for it would only wait, and learn nothing. So do requests
 * that are out when the connection goes: their answers cannot come any more.
 */
export function whileConnected(status: Broker['status'], transport: Transport): Transport {
  const guarded = (request: TransportRequest): Observable<TransportResponse> =>
    new Observable((sink) => {
      let isOut = false;
      const watching = status.subscribe((now) => {
        const isAway = isOut ? now.state !== 'connected' && now.state !== 'blocked' : now.state !== 'connected';
        if (!isAway) return;
        const what = isOut ? 'the answer cannot come any more' : 'it was not sent';
        sink.error(new TransportError('carrier', `${what}: the broker is ${described(now)}`));
      });
      isOut = true;
      sink.add(watching);
      if (!sink.closed) sink.add(transport(request).subscribe(sink));
    });
  return Object.assign(guarded, transport.close === undefined ? {} : { close: transport.close });
}

const WORDS: Readonly<Record<BrokerStatus['state'], string>> = {
  connecting: 'not connected',
  connected: 'connected',
  blocked: 'blocked',
  lost: 'lost',
  closed: 'closed',
};

const described = ({ state, reason }: BrokerStatus): string =>
  reason === undefined ? WORDS[state] : `${WORDS[state]}: ${reason}`;
