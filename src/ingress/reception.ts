/**
 * The way of a request to its queue: validated by the pipeline's schema, named, published with a confirm, and answered, either at once with
 * where to ask, or with the pipeline's result where the client waits for it. Knows no HTTP server: it is handed headers and bytes.
 */
import { hash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import {
  asyncScheduler,
  defer,
  filter,
  map,
  merge,
  type Observable,
  of,
  switchMap,
  take,
  throwError,
  timeout,
  timer,
} from 'rxjs';
import { entryOf, type MaybePartitioned } from '../broker/partitions.ts';
import { REQUEST_HEADER, type Reply, type RequestProgress, type Requests } from '../broker/requests.ts';
import {
  codeOf,
  messageOf,
  PublishUnknownError,
  ReplyLostError,
  ResultInvalidError,
  UnroutableError,
} from '../errors.ts';
import type { Logger } from '../log.ts';
import type { HeaderTable } from '../message/delivery.ts';
import { fingerprint } from '../message/identity.ts';
import { readJson } from '../message/json.ts';
import type { OutgoingMessage } from '../message/outgoing.ts';
import { contextHeaders } from '../tracing.ts';
import { answerOf } from './answer-of.ts';
import type { Entrance } from './ingress.ts';
import { type Answer, comeAgain, jsonAnswer, problemAnswer, type Refusal } from './problem.ts';
import { correlationIdIn, idempotencyKeyIn, preferredWaitMs, traceContextIn } from './request-headers.ts';
import { type Progress, Ticket, type Tickets } from './tickets.ts';

/** An entrance with the way to its queue. */
export interface OpenEntrance extends Entrance {
  readonly source: MaybePartitioned;
}

export interface Arrival {
  /** Who sends it. */
  readonly client: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
}

export interface ReceptionParts {
  readonly broker: Requests;
  readonly tickets: Tickets;
  readonly log: Logger;
  /** For messages without an idempotency key: unique, and not to be guessed. */
  readonly newId: () => string;
  /** Time for the broker's confirm. */
  readonly acceptWithinMs: number;
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
      const ticket = this.#ticketFor(entrance, arrival);
      if (!(ticket instanceof Ticket)) return of(problemAnswer(ticket));
      return this.#await(entrance, ticket, arrival.headers);
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
    const reading = readJson(body);
    if (!reading.ok) return unreadable(body, reading.refusal.message);
    const parsed = parse(entrance, reading.value);
    if (!parsed.ok) return parsed.refusal;

    const key = idempotencyKeyIn(headers);
    if (key === false)
      return {
        status: 400,
        code: 'idempotency-key',
        detail: 'Idempotency-Key: expected 1 to 128 printable characters without spaces, quotes and backslashes',
      };
    const id = key === undefined ? this.#parts.newId() : fingerprint('ingress', entrance.name, client, key);
    const bodyHash = hash('sha256', body, 'base64url');
    const known = key === undefined ? undefined : this.#parts.tickets.find(id);
    if (known !== undefined) return known.body === bodyHash ? known : conflict;

    const correlationId = correlationIdIn(headers) ?? id;
    const ticket = new Ticket({ id, pipeline: entrance.name, client, correlationId, body: bodyHash });
    this.#parts.tickets.add(ticket);
    const entry = entryOf(entrance.source, parsed.value);
    this.#publish(entrance, ticket, {
      ...entry,
      body,
      properties: {
        messageId: id,
        correlationId,
        contentType: 'application/json',
        persistent: true,
        timestamp: Math.floor(asyncScheduler.now() / 1_000),
      },
      headers: messageHeaders(headers, client, entry.headers),
    });
    return ticket;
  }

  #publish(entrance: OpenEntrance, ticket: Ticket, message: OutgoingMessage): void {
    const { broker, tickets, log, acceptWithinMs } = this.#parts;
    const receive = (progress: RequestProgress): void => {
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
    const tooLate = (): Observable<never> =>
      throwError(() => new PublishUnknownError(`no confirm within ${acceptWithinMs} ms`));
    const following = broker
      .request(message, ticket.id)
      .pipe(timeout({ first: acceptWithinMs, with: tooLate }))
      .subscribe({ next: receive, error: fail });
    ticket.following = following;
    if (!ticket.isOpen) following.unsubscribe();
  }

  /** The first answer counts: a result, or how the message ended without one. */
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
  detail: 'this Idempotency-Key was used with another body',
};

const unreadable = (body: Uint8Array, message: string): Refusal =>
  body.byteLength === 0
    ? { status: 400, code: 'body-empty', detail: 'expected a JSON body' }
    : { status: 400, code: 'body-unreadable', detail: message };

const MAX_ERRORS = 20;

type Parsed = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly refusal: Refusal };

const invalid = (detail: string, errors?: Refusal['errors']): Parsed => ({
  ok: false,
  refusal: { status: 422, code: 'body-invalid', detail, ...(errors === undefined ? {} : { errors }) },
});

/** By the pipeline's schema. The message is sent as it came: what the schema makes of it is made where it is handled. */
function parse({ input }: Entrance, value: unknown): Parsed {
  try {
    const { success, data, error } = input.safeParse(value);
    if (success) return { ok: true, value: data };
    const errors = error.issues
      .slice(0, MAX_ERRORS)
      .map(({ path, message }) => ({ path: path.map(String).join('.'), message }));
    return invalid('the body does not fit its schema', errors);
  } catch {
    // A refinement or a transform of the author threw; the pipeline would dead-letter it for the same.
    return invalid('the body could not be checked by its schema');
  }
}

function messageHeaders(headers: IncomingHttpHeaders, client: string, ofEntry: HeaderTable): HeaderTable {
  const trace = traceContextIn(headers);
  return {
    ...ofEntry,
    ...(trace === undefined ? {} : contextHeaders(trace)),
    [REQUEST_HEADER.tell]: 'outcome',
    [CLIENT_HEADER]: client,
  };
}

/** What the client can do about a message the broker did not take, or may not have taken. */
function refusalOf(error: unknown): Refusal {
  if (error instanceof PublishUnknownError)
    return comeAgain(
      'not-confirmed',
      'the broker did not confirm in time: the message may be on its way; send it again with the same Idempotency-Key',
    );
  if (error instanceof UnroutableError) return comeAgain('no-queue', 'the queue behind this path is not there');
  if (error instanceof ResultInvalidError)
    return { status: 500, code: 'not-sendable', detail: 'the message cannot be sent' };
  return comeAgain('broker-away', 'the broker does not take messages now');
}
