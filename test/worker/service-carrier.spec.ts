/** What carries the requests of services: what a request looks like on the wire, what each answer means, and whose fault it is where there is none. */
import { expect } from 'chai';
import { BehaviorSubject, NEVER, type Observable, of, Subject, throwError } from 'rxjs';
import { z } from 'zod';
import type { BrokerStatus } from '../../src/broker/broker.ts';
import type { Reply, RequestProgress, Requests } from '../../src/broker/requests.ts';
import {
  BrokerUnavailableError,
  PublishNackedError,
  PublishUnknownError,
  ReplyLostError,
  ResultInvalidError,
  TopologyError,
  UnroutableError,
} from '../../src/errors.ts';
import { defineService } from '../../src/http/define-service.ts';
import type { TransportError, TransportRequest, TransportResponse } from '../../src/http/transport.ts';
import type { OutgoingMessage } from '../../src/message/outgoing.ts';
import { carrierOf, whileConnected } from '../../src/worker/service-carrier.ts';

const service = defineService('pricing', {
  exchange: 'services',
  operations: { quote: { request: z.unknown(), routingKey: 'pricing.quote' } },
  maxResponseBytes: 1_000,
});

const request: TransportRequest = {
  method: 'ASK',
  origin: 'amqp:',
  path: 'quote',
  headers: {
    'content-type': 'application/json',
    'idempotency-key': 'key-1',
    'x-correlation-id': 'caf%C3%A9',
    traceparent: '00-1-2-01',
  },
  body: Buffer.from('{}'),
  timeoutMs: 1_500,
};

const replyOf = (body: string, properties: Reply['properties'] = {}, headers: Reply['headers'] = {}): Reply => ({
  body: Buffer.from(body),
  properties,
  headers,
});

/** What comes of one request, with what the broker does about it. */
function carried(progress: Observable<RequestProgress>, sent = request) {
  const asked: { message: OutgoingMessage; key: string }[] = [];
  const requests: Requests = {
    request: (message, key) => {
      asked.push({ message, key });
      return progress;
    },
  };
  const responses: TransportResponse[] = [];
  let fault: TransportError | undefined;
  let isComplete = false;
  carrierOf(service, { requests, newId: () => 'attempt-1' })(sent).subscribe({
    next: (response) => responses.push(response),
    error: (error: TransportError) => {
      fault = error;
    },
    complete: () => {
      isComplete = true;
    },
  });
  return { asked, responses, fault: () => fault, isComplete: () => isComplete };
}

const answered = (reply: Reply) => carried(of<RequestProgress[]>({ kind: 'confirmed' }, { kind: 'reply', reply }));

describe('what carries the requests of a service', () => {
  it('sends a message under a correlation id of its own, which expires with the attempt', () => {
    const { asked } = carried(NEVER);
    expect(asked).to.deep.equal([
      {
        key: 'attempt-1',
        message: {
          exchange: 'services',
          routingKey: 'pricing.quote',
          mandatory: true,
          body: Buffer.from('{}'),
          headers: { traceparent: '00-1-2-01', 'x-correlation-id': 'caf%C3%A9', 'x-sluice-tell': 'outcome' },
          properties: {
            messageId: 'key-1',
            correlationId: 'attempt-1',
            type: 'quote',
            contentType: 'application/json',
            expiration: '1500',
            persistent: false,
          },
        },
      },
    ]);
  });

  it('tells the conversation as it is called, not as HTTP would', () => {
    const owner = { correlationId: 'café' } as NonNullable<TransportRequest['sentFor']>['owner'];
    const sentFor = { owner, request: { call: { api: 'pricing', operation: 'ASK quote' }, options: {} } };
    const { asked } = carried(NEVER, { ...request, sentFor });
    expect(asked[0]?.message.headers).to.include({ 'x-correlation-id': 'café' });
  });

  it('takes the first answer, and is over', () => {
    const replies = new Subject<RequestProgress>();
    const seen = carried(replies);
    replies.next({ kind: 'confirmed' });
    replies.next({ kind: 'reply', reply: replyOf('1', { contentType: 'application/json' }) });
    expect(replies.observed).to.equal(false);
    expect(seen.responses.map(({ status, body }) => [status, String(body)])).to.deep.equal([[200, '1']]);
    expect(seen.isComplete()).to.equal(true);
  });

  const problem = { contentType: 'application/problem+json; charset=utf-8' };
  for (const [what, reply, status, headers] of [
    ['done, without a result', replyOf('x', {}, { 'x-sluice-outcome': 'done' }), 204, {}],
    [
      'a dead letter',
      replyOf('x', {}, { 'x-sluice-outcome': 'dead-lettered', 'x-sluice-error-code': 'ERR_X' }),
      422,
      { 'x-sluice-error-code': 'ERR_X' },
    ],
    [
      'a dead letter for what may pass',
      replyOf(
        'x',
        {},
        { 'x-sluice-outcome': 'dead-lettered', 'x-sluice-error-code': 'ERR_X', 'x-sluice-error-transient': true },
      ),
      503,
      { 'x-sluice-error-code': 'ERR_X' },
    ],
    [
      'a dead letter that says it may pass in words',
      replyOf('x', {}, { 'x-sluice-outcome': 'dead-lettered', 'x-sluice-error-transient': 'no' }),
      422,
      {},
    ],
    ['a problem', replyOf('{"status":429}', problem, { 'retry-after': 3 }), 429, { 'retry-after': '3' }],
    ['a problem without a status', replyOf('{}', problem), 500, {}],
    ['a problem that is none', replyOf('no', problem), 500, {}],
    ['a problem with a status of no failure', replyOf('{"status":200}', problem), 500, {}],
    ['a problem with half a status', replyOf('{"status":404.5}', problem), 500, {}],
    ['a result of a foreign outcome', replyOf('1', {}, { 'x-sluice-outcome': 'other' }), 200, {}],
  ] as const) {
    it(`reads ${what} as ${status}`, () => {
      const [response] = answered(reply).responses;
      expect(response?.status).to.equal(status);
      expect(response?.headers).to.include(headers);
    });
  }

  it('hands on no header that is no text', () => {
    const [response] = answered(replyOf('1', {}, { 'x-sluice-error-code': 7, 'retry-after': { a: 1 } })).responses;
    expect(response?.headers).to.deep.equal({});
  });

  for (const [what, reply, fault] of [
    ['is too large', replyOf('x'.repeat(1_001)), 'size'],
    ['is not under its encoding', replyOf('x', { contentEncoding: 'gzip' }), 'response'],
  ] as const) {
    it(`fails for an answer that ${what}`, () => expect(answered(reply).fault()?.fault).to.equal(fault));
  }

  for (const [failure, fault] of [
    [new UnroutableError('', 'gone'), 'network'],
    [new PublishNackedError('full'), 'network'],
    [new TopologyError('no exchange "services"'), 'network'],
    [new PublishUnknownError('channel lost'), 'carrier'],
    [new ReplyLostError('channel lost'), 'carrier'],
    [new BrokerUnavailableError('closed'), 'carrier'],
    [new ResultInvalidError('a header AMQP cannot carry'), 'request'],
  ] as const) {
    it(`knows whose fault ${failure.name} is: ${fault}`, () => {
      const seen = carried(throwError(() => failure)).fault();
      expect(seen).to.include({ fault, message: failure.message });
      expect(seen?.cause).to.equal(failure);
    });
  }
});

describe('a transport over a broker', () => {
  const answer: TransportResponse = { status: 200, headers: {}, body: new Uint8Array() };

  function under(...states: readonly BrokerStatus[]) {
    const status = new BehaviorSubject<BrokerStatus>(states[0] ?? { state: 'connected' });
    const answers = new Subject<TransportResponse>();
    let sent = 0;
    const seen: string[] = [];
    const transport = whileConnected(status, () => {
      sent++;
      return answers;
    });
    const subscription = transport(request).subscribe({
      next: () => seen.push('answer'),
      error: ({ fault, message }: TransportError) => seen.push(`${fault}: ${message}`),
    });
    for (const state of states.slice(1)) status.next(state);
    return { answers, seen, status, subscription, sent: () => sent };
  }

  it('passes on what is answered, and leaves nothing behind', () => {
    const { answers, seen, status } = under({ state: 'connected' });
    answers.next(answer);
    answers.complete();
    expect(seen).to.deep.equal(['answer']);
    expect(status.observed).to.equal(false);
  });

  for (const [state, text] of [
    [{ state: 'blocked', reason: 'low on memory' }, 'it was not sent: the broker is blocked: low on memory'],
    [{ state: 'lost' }, 'it was not sent: the broker is lost'],
    [{ state: 'connecting', reason: 'refused' }, 'it was not sent: the broker is not connected: refused'],
    [{ state: 'closed' }, 'it was not sent: the broker is closed'],
  ] as const) {
    it(`sends nothing while it is ${state.state}`, () => {
      const { seen, sent, status } = under(state);
      expect(seen).to.deep.equal([`carrier: ${text}`]);
      expect(sent()).to.equal(0);
      expect(status.observed).to.equal(false);
    });
  }

  it('ends what is out with the connection, and waits on while the broker only blocks', () => {
    const blocked = under({ state: 'connected' }, { state: 'blocked' }, { state: 'connected' });
    blocked.answers.next(answer);
    expect(blocked.seen).to.deep.equal(['answer']);

    const lost = under({ state: 'connected' }, { state: 'lost', reason: 'cut' });
    expect(lost.seen).to.deep.equal(['carrier: the answer cannot come any more: the broker is lost: cut']);
    expect(lost.answers.observed).to.equal(false);
  });

  it('stops listening when it is given up', () => {
    const { answers, status, subscription } = under({ state: 'connected' });
    subscription.unsubscribe();
    expect([answers.observed, status.observed]).to.deep.equal([false, false]);
  });
});
