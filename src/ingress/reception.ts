/**
 * The way of a request to its queue: validated by the pipeline's schema, named, published with a confirm, and answered, either at once with
 * where to ask, or with the pipeline's result where the client waits for it. Knows no HTTP server: it is handed headers and bytes.
 */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import {
  asyncScheduler,
  defer,
  filter,
  first,
  map,
  merge,
  type Observable,
  of,
  Subscription,
  switchMap,
  take,
  timer,
} from 'rxjs';
import { REQUEST_HEADER, type Reply, type RequestProgress, type Requests } from '../broker/requests.ts';
import {
  codeOf,
  messageOf,
  PublishNackedError,
  PublishUnknownError,
  ReplyLostError,
  ResultInvalidError,
  TopologyError,
  UnroutableError,
} from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Carried, HeaderTable } from '../message/delivery.ts';
import { fingerprint } from '../message/identity.ts';
import type { OutgoingMessage } from '../message/outgoing.ts';
import { contextHeaders } from '../tracing.ts';
import { answerOf } from './answer-of.ts';
import type { Reading } from './entrance-form.ts';
import type { Entrance } from './ingress.ts';
import { type Answer, comeAgain, jsonAnswer, problemAnswer, type Refusal } from './problem.ts';
import { type OpenEntrance, readRequest } from './read-request.ts';
import { correlationIdIn, idempotencyKeyIn, preferredWaitMs, traceContextIn } from './request-headers.ts';
import { type Progress, Ticket, type Tickets } from './tickets.ts';

export interface Arrival {
  /** Who sends it. */
  readonly client: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
  /** Called when the body is held no longer, and takes no room: it is refused, or with the broker, or will not be. Perhaps long before the answer, or after whoever asked has left. */
  readonly letGo: () => void;
}

export interface ReceptionParts {
  readonly broker: Requests;
  readonly tickets: Tickets;
  readonly log: Logger;
  /** For messages without an idempotency key: unique, and not to be guessed. */
  readonly newId: () => string;
  /** Time for the broker's confirm. */
  readonly acceptWithinMs: number;
  /** Emits when the broker does not read what it has not confirmed by now, and may yet do so. */
  readonly stalled: Observable<unknown>;
  /** Emits when nobody may wait for a result any longer. */
  readonly hurry: Observable<unknown>;
}

/** Headers of messages that tell where they come from. */
const CLIENT_HEADER = 'x-sluice-client';

export class Reception {
  readonly #parts: ReceptionParts;

  constructor(parts: ReceptionParts) {
    this.#parts = parts;
  }

  /** Cold. Emits the answer once; never errors. Unsubscribing lets go of the wait alone: the message goes its way. */
  receive(entrance: OpenEntrance, arrival: Arrival): Observable<Answer> {
    return defer(() => {
      const { headers, letGo } = arrival;
      const ticket = this.#ticketFor(entrance, arrival);
      if (!(ticket instanceof Ticket)) {
        letGo();
        return of(problemAnswer(ticket));
      }
      ticket.progress.pipe(first(({ state }) => state !== 'publishing')).subscribe(letGo);
      return this.#await(entrance, ticket, headers);
    });
  }

  /** How an accepted message stands, for the client who sent it. */
  statusOf(entrance: Entrance, id: string, client: string): Answer {
    const ticket = this.#parts.tickets.find(id);
    if (ticket === undefined || ticket.pipeline !== entrance.name || ticket.client !== client)
      return problemAnswer({
        status: 404,
        code: 'not-known',
        detail: 'not known here: accepted too long ago, or by another process, or never',
      });
    const progress = ticket.progress.value;
    const accepted = {
      messageId: id,
      correlationId: ticket.correlationId,
      acceptedAt: ticket.acceptedAt === undefined ? undefined : new Date(ticket.acceptedAt).toISOString(),
    };
    switch (progress.state) {
      case 'done': {
        const { status, text } = progress.answer ?? { status: undefined, text: '' };
        const result = text === '' ? undefined : (JSON.parse(text) as unknown);
        return jsonAnswer(200, { ...accepted, state: 'done', status, result });
      }
      case 'dead-lettered':
        return jsonAnswer(200, { ...accepted, state: 'dead-lettered', code: progress.code });
      case 'accepted':
        return jsonAnswer(200, { ...accepted, state: 'accepted' }, { 'retry-after': '1' });
      case 'untold':
        return jsonAnswer(200, {
          ...accepted,
          state: 'accepted',
          detail: 'what becomes of it is not told here any more: the connection was lost',
        });
      case 'publishing':
      case 'refused':
        return jsonAnswer(200, { ...accepted, state: 'publishing' }, { 'retry-after': '1' });
    }
  }

  /** The ticket the request is about: a new one, whose message is on its way, or that of an earlier request with the same key. */
  #ticketFor(entrance: OpenEntrance, { client, headers, body }: Arrival): Ticket | Refusal {
    const request = readRequest(entrance, headers, body);
    if ('status' in request) return request;
    const { carried, way, event } = request;

    const key = idempotencyKeyIn(headers);
    if (key === false)
      return {
        status: 400,
        code: 'idempotency-key',
        detail: 'Idempotency-Key: expected 1 to 128 printable characters without spaces, quotes and backslashes',
      };
    const same = sameness(entrance, client, key, event);
    const id = same ?? this.#parts.newId();
    const print = printOf(carried);
    const known = same === undefined ? undefined : this.#parts.tickets.find(id);
    if (known !== undefined) return known.print === print ? known : conflict;

    const correlationId = correlationIdIn(headers) ?? id;
    const ticket = new Ticket({ id, pipeline: entrance.name, client, correlationId, print });
    this.#parts.tickets.add(ticket);
    this.#publish(entrance, ticket, {
      ...way,
      body,
      properties: {
        ...carried.properties,
        messageId: id,
        correlationId,
        persistent: true,
        timestamp: Math.floor(asyncScheduler.now() / 1_000),
      },
      headers: messageHeaders(headers, client, { ...carried.headers, ...way.headers }),
    });
    return ticket;
  }

  #publish(entrance: OpenEntrance, ticket: Ticket, message: OutgoingMessage): void {
    const { broker, tickets, log, acceptWithinMs, stalled } = this.#parts;
    const awaiting = new Subscription();
    const receive = (progress: RequestProgress): void => {
      awaiting.unsubscribe();
      // An answer may be faster than the confirm: it proves as much.
      ticket.acceptedAt ??= asyncScheduler.now();
      if (progress.kind === 'confirmed') ticket.move({ state: 'accepted' });
      else this.#end(entrance, ticket, progress.reply);
    };
    const fail = (error: unknown): void => {
      if (ticket.acceptedAt !== undefined || error instanceof ReplyLostError) {
        ticket.move({ state: 'untold' });
        return;
      }
      const refusal = refusalOf(error);
      log[refusal.status === 503 ? 'warn' : 'error'](
        { pipeline: entrance.name, messageId: ticket.id, code: codeOf(error), reason: messageOf(error) },
        'a request could not be published',
      );
      ticket.move({ state: 'refused', refusal });
      // Whoever sends the same key again begins anew.
      tickets.remove(ticket);
    };
    const giveUp = (reason: string): void => fail(new PublishUnknownError(`no confirm ${reason}`));
    awaiting.add(timer(acceptWithinMs).subscribe(() => giveUp(`within ${acceptWithinMs} ms`)));
    awaiting.add(stalled.subscribe(() => giveUp('before the broker stopped reading: an alarm')));
    const following = broker.request(message, ticket.id).subscribe({ next: receive, error: fail });
    following.add(awaiting);
    ticket.following = following;
    if (!ticket.isOpen) following.unsubscribe();
  }

  /** The first result counts, or that it ended without one; a dead letter counts until it is retried and has another end. */
  #end(entrance: Entrance, ticket: Ticket, reply: Reply): void {
    const outcome = reply.headers[REQUEST_HEADER.outcome];
    if (outcome === 'dead-lettered') {
      const code = reply.headers[REQUEST_HEADER.errorCode];
      ticket.move({ state: 'dead-lettered', code: typeof code === 'string' ? code : 'ERR_HANDLE_FAILED' });
    } else if (outcome === 'done') {
      ticket.move({ state: 'done', answer: undefined });
    } else {
      const answer = answerOf(entrance, reply, (error) =>
        this.#parts.log.error(
          { error, pipeline: entrance.name, messageId: ticket.id },
          'a result could not be made an answer',
        ),
      );
      this.#parts.tickets.grow(ticket, Buffer.byteLength(answer.text));
      ticket.move({ state: 'done', answer });
    }
  }

  #await(entrance: Entrance, ticket: Ticket, headers: IncomingHttpHeaders): Observable<Answer> {
    const { ingress } = entrance;
    const preferred = preferredWaitMs(headers);
    const waitMs = Math.min(preferred ?? ingress.waitMs, ingress.maxWaitMs);
    const { hurry } = this.#parts;
    return ticket.progress.pipe(
      filter(({ state }) => state !== 'publishing'),
      switchMap((progress) =>
        progress.state === 'accepted' && waitMs > 0
          ? merge(timer(waitMs), hurry).pipe(
              take(1),
              map(() => progress),
            )
          : of(progress),
      ),
      take(1),
      map((progress) => {
        const answer = answerFor(progress, entrance, ticket);
        const named = { ...answer.headers, 'x-correlation-id': ticket.correlationId, 'x-message-id': ticket.id };
        const applied =
          preferred !== undefined && preferred > 0 ? { 'preference-applied': `wait=${waitMs / 1_000}` } : {};
        return { ...answer, headers: { ...named, ...applied } };
      }),
    );
  }
}

function answerFor(progress: Progress, entrance: Entrance, ticket: Ticket): Answer {
  switch (progress.state) {
    case 'refused':
      return problemAnswer(progress.refusal);
    case 'done':
      return progress.answer ?? { status: 204, headers: {}, text: '' };
    case 'dead-lettered':
      return problemAnswer(deadLettered(progress.code));
    default: {
      const link = `${entrance.ingress.path}/status/${ticket.id}`;
      return jsonAnswer(202, { messageId: ticket.id, status: link }, { location: link });
    }
  }
}

/** The message was in order when it was accepted: what is wrong now is not the client's to mend, but for a key that was used twice. */
const deadLettered = (code: string): Refusal =>
  code === 'ERR_MESSAGE_CONFLICT'
    ? conflict
    : {
        status: 500,
        code: 'dead-lettered',
        detail: `the message could not be done (${code}); it is kept for people to look at`,
      };

const conflict: Refusal = {
  status: 422,
  code: 'idempotency-key-reused',
  detail: 'this Idempotency-Key, or the source and id of this event, was used with another body',
};

/** The id of what is one message however often it is sent: by the client's own key, or by what names an event. Undefined: each is one of its own. */
function sameness(
  { name }: Entrance,
  client: string,
  key: string | undefined,
  event: Reading['event'],
): string | undefined {
  if (key !== undefined) return fingerprint('ingress', name, client, key);
  return event === undefined ? undefined : fingerprint('ingress event', name, client, event.source, event.id);
}

/** Of all that makes the message another one. */
const printOf = ({ body, properties: { contentType = '' }, headers }: Carried): string =>
  createHash('sha256')
    .update(JSON.stringify([contentType, headers]))
    .update(body)
    .digest('base64url');

function messageHeaders(headers: IncomingHttpHeaders, client: string, own: HeaderTable): HeaderTable {
  const trace = traceContextIn(headers);
  return {
    ...own,
    ...(trace === undefined ? {} : contextHeaders(trace)),
    [REQUEST_HEADER.tell]: 'outcome',
    [CLIENT_HEADER]: client,
  };
}

/** What the client can do about a message the broker did not take, or may not have taken. */
function refusalOf(error: unknown): Refusal {
  if (error instanceof UnroutableError || (error instanceof TopologyError && error.missingExchange !== undefined))
    return comeAgain('no-queue', 'the queue or exchange behind this path is not there');
  // A user who may not publish to an exchange is told as one who may not to a queue, where the broker leaves open what it took before.
  if (error instanceof PublishUnknownError || error instanceof TopologyError)
    return comeAgain(
      'not-confirmed',
      'the broker did not confirm it: the message may be on its way; send it again with the same Idempotency-Key',
    );
  if (error instanceof PublishNackedError)
    return comeAgain('queue-full', 'the broker refuses the message: its queue is full, or has no leader now');
  if (error instanceof ResultInvalidError)
    return { status: 500, code: 'not-sendable', detail: 'the message cannot be sent' };
  return comeAgain('broker-away', 'the broker does not take messages now');
}
