/**
 * The way of one request through a sample API: note it, let a fault hit it, check it, have its effect, answer.
 * What the operations answer stands in the catalogue; how bytes leave, in respond.ts.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PREFIX } from './catalogue.ts';
import type { Effects } from './effects.ts';
import type { Fault, Faults } from './fault.ts';
import type { Answer, Operation } from './operation.ts';
import { pageOf } from './page.ts';
import { headersOfInterest, type OpenEntry, type RequestJournal } from './request-journal.ts';
import { readBody, reset, sendDrip, sendJson, sendText } from './respond.ts';

const MAX_KEY_CHARS = 255;

export interface ApiState {
  readonly name: string;
  readonly operations: readonly Operation[];
  readonly faults: Faults;
  readonly journal: RequestJournal;
  readonly effects: Effects;
}

export async function answerRequest(
  state: ApiState,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  const { operations, faults, journal } = state;
  const { method = 'GET' } = request;
  const atPath = operations.filter(({ path }) => `${PREFIX}${path}` === url.pathname);
  const operation = atPath.find((candidate) => candidate.method === method);
  const query = Object.fromEntries(url.searchParams);

  const entry = journal.open({
    method,
    path: url.pathname,
    query,
    operation: operation?.name,
    headers: headersOfInterest(request.headers),
    key: request.headers['idempotency-key']?.toString(),
  });
  response.once('finish', () => journal.close(entry, 'answered', response.statusCode));
  response.once('close', () => journal.close(entry, 'aborted'));

  const received = receive(await readBody(request), query);
  entry.body = received.body;

  if (operation === undefined) {
    const error = { error: `no ${method} ${url.pathname} here` };
    if (atPath.length === 0) return sendJson(response, { status: 404, body: error });
    return sendJson(response, { status: 405, body: error }, { allow: atPath.map((other) => other.method).join(', ') });
  }

  const fault = faults.next(operation.name, received.fields);
  if (fault !== undefined) journal.noteFault(entry, fault.kind);
  if (fault?.kind === 'hang') return;
  if (fault?.kind === 'reset') return cut(journal, entry, request);
  if (fault?.kind === 'status') {
    const { status, retryAfter } = fault;
    return sendJson(
      response,
      { status, body: { error: 'fault on command' } },
      retryAfter === undefined ? {} : { 'retry-after': `${retryAfter}` },
    );
  }

  const result = perform(state, operation, received, entry);
  if (fault?.kind === 'lost-answer') return cut(journal, entry, request);
  send(response, result, fault, entry.isReplay);
}

/** How the answer leaves, once the effect is done. */
function send(response: ServerResponse, result: Answer, fault: Fault | undefined, isReplay: boolean): void {
  const headers: Record<string, string> = isReplay ? { 'idempotent-replayed': 'true' } : {};
  if (fault?.kind === 'latency') {
    const timer = setTimeout(() => sendJson(response, result, headers), fault.ms);
    response.once('close', () => clearTimeout(timer));
  } else if (fault?.kind === 'drip') {
    sendDrip(response, result, fault.everyMs ?? 100);
  } else if (fault?.kind === 'bad-json') {
    sendText(response, result.status, JSON.stringify(result.body).slice(0, -2), headers);
  } else {
    sendJson(response, result, headers);
  }
}

function cut(journal: RequestJournal, entry: OpenEntry, request: IncomingMessage): void {
  journal.close(entry, 'reset');
  reset(request);
}

function perform({ effects, journal }: ApiState, operation: Operation, request: Received, entry: OpenEntry): Answer {
  if (request.isMalformed) return { status: 400, body: { error: 'body is not a JSON object' } };
  const order = operation.accept(request.fields);
  if ('problems' in order) return { status: 400, body: { error: 'invalid request', problems: order.problems } };
  if (operation.lists !== undefined)
    return pageOf(effects.madeBy(operation.lists.operation), operation.lists.by, request.fields);
  if (!operation.hasEffect) return order.answer(order.about);
  if (entry.key !== undefined && entry.key.length > MAX_KEY_CHARS) {
    return { status: 400, body: { error: `idempotency key exceeds ${MAX_KEY_CHARS} characters` } };
  }
  const performed = effects.perform(operation, order, entry.key, request.text);
  if (performed.kind === 'conflict')
    return { status: 422, body: { error: 'idempotency key came before with another body' } };
  journal.notePerformed(entry, performed.kind);
  return performed.answer;
}

interface Received {
  readonly text: string;
  readonly body: unknown;
  /** Fields of the body over those of the query: what operations check and faults match. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly isMalformed: boolean;
}

function receive(text: string, query: Readonly<Record<string, string>>): Received {
  if (text === '') return { text, body: undefined, fields: query, isMalformed: false };
  try {
    const body: unknown = JSON.parse(text);
    const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
    return { text, body, fields: isObject ? { ...query, ...body } : query, isMalformed: !isObject };
  } catch {
    return { text, body: text, fields: query, isMalformed: true };
  }
}
