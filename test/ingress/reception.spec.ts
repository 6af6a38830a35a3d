/** What a request is answered and when, in virtual time, over a broker that does as it is told. */
import { expect } from 'chai';
import { asyncScheduler, map, NEVER, type Observable, Subject, throwError, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { z } from 'zod';
import type { RequestProgress } from '../../src/broker/requests.ts';
import {
  BrokerUnavailableError,
  PublishNackedError,
  PublishUnknownError,
  ReplyLostError,
  ResultInvalidError,
  TopologyError,
  UnroutableError,
} from '../../src/errors.ts';
import { type IngressOptions, ingressOf } from '../../src/ingress/ingress.ts';
import type { Answer } from '../../src/ingress/problem.ts';
import type { OpenEntrance } from '../../src/ingress/read-request.ts';
import { type Arrival, Reception } from '../../src/ingress/reception.ts';
import { Tickets } from '../../src/ingress/tickets.ts';
import { silentLogger } from '../../src/log.ts';
import type { OutgoingMessage } from '../../src/message/outgoing.ts';
import { ForwardClock } from '../../src/operators/forward-clock.ts';
import { plainForm } from '../support/front-door.ts';

type Helpers = Parameters<Parameters<TestScheduler['run']>[0]>[0];

interface Stage extends Helpers {
  readonly tickets: Tickets;
  readonly sent: OutgoingMessage[];
  readonly hurry: Subject<void>;
  readonly stalled: Subject<void>;
  /** Bodies that are held no longer. */
  readonly letGo: string[];
  /** What the broker does with each request from now on. */
  answer: (message: OutgoingMessage) => Observable<RequestProgress>;
  /** Answers, as their status and the code of their problem. */
  receive(headers?: Record<string, string>, arrival?: Partial<Arrival>): Observable<string>;
  /** What is told of a message: status, and the state it is in. */
  stateOf(id: string, client?: string): string;
  /** The state, with the code of a dead letter's error. */
  standingOf(id: string): string;
}

interface StageOptions extends Partial<IngressOptions<never>> {
  readonly maxTickets?: number;
}

function onStage(script: (stage: Stage) => void, { maxTickets = 100, ...ofIngress }: StageOptions = {}): void {
  new TestScheduler((actual, expected) => {
    expect(actual).to.deep.equal(expected);
  }).run((helpers) => {
    const entrance: OpenEntrance = {
      name: 'orders',
      input: z.object({ n: z.number() }),
      source: { name: 'orders' },
      form: plainForm,
      ingress: ingressOf({ path: '/orders', ...ofIngress }, 1_000),
    };
    const sent: OutgoingMessage[] = [];
    const hurry = new Subject<void>();
    const letGo: string[] = [];
    const tickets = new Tickets({ maxTickets, maxBytes: 10_000, keepMs: 60_000, clock: new ForwardClock() });
    const request = (message: OutgoingMessage): Observable<RequestProgress> => {
      sent.push(message);
      return stage.answer(message);
    };
    const newId = (): string => `m${sent.length + 1}`;
    const stalled = new Subject<void>();
    const parts = { broker: { request }, tickets, log: silentLogger, newId, acceptWithinMs: 1_000, hurry, stalled };
    const reception = new Reception(parts);
    const stage: Stage = {
      ...helpers,
      tickets,
      sent,
      hurry,
      stalled,
      letGo,
      answer: () => NEVER,
      receive: (headers = {}, arrival = {}) =>
        reception
          .receive(entrance, {
            client: 'shop',
            headers,
            body: Buffer.from('{"n":1}'),
            letGo: () => letGo.push(`${asyncScheduler.now()}`),
            ...arrival,
          })
          .pipe(map(said)),
      stateOf: (id, client = 'shop') => {
        const { status, text } = reception.statusOf(entrance, id, client);
        return `${status} ${String((JSON.parse(text) as { state?: string }).state)}`;
      },
      standingOf(id) {
        const { text } = reception.statusOf(entrance, id, 'shop');
        const { state, code = '' } = JSON.parse(text) as { state: string; code?: string };
        return `${state} ${code}`.trim();
      },
    };
    script(stage);
  });
}

function said({ status, text }: Answer): string {
  const { type } = text === '' ? {} : (JSON.parse(text) as { type?: string });
  return type === undefined ? String(status) : `${status} ${type.replace('urn:sluice:problem:', '')}`;
}

const confirmed: RequestProgress = { kind: 'confirmed' };
const replied = (value: unknown, headers: Record<string, string> = {}): RequestProgress => ({
  kind: 'reply',
  reply: { body: Buffer.from(JSON.stringify(value)), properties: { contentType: 'application/json' }, headers },
});
const values = { c: confirmed, r: replied({ ok: true }) };
const dead = (code: string): RequestProgress =>
  replied('', { 'x-sluice-outcome': 'dead-lettered', 'x-sluice-error-code': code });

describe('Reception', () => {
  it('answers 202 with the confirm, not before', () => {
    onStage((stage) => {
      stage.answer = () => stage.cold('---c--r', values);
      stage.expectObservable(stage.receive()).toBe('---(a|)', { a: '202' });
    });
  });

  it('answers with the result where the client waits, from the confirm on, at most as long as he may', () => {
    onStage(
      (stage) => {
        stage.answer = ({ properties }) => stage.cold(properties.messageId === 'm1' ? '---c--r' : '---c', values);
        stage.expectObservable(stage.receive({ prefer: 'wait=1' })).toBe('------(a|)', { a: '200' });
        stage.expectObservable(stage.receive({ prefer: 'wait=1' })).toBe('--- 1s (a|)', { a: '202' });
        stage.expectObservable(stage.receive({ prefer: 'wait=900' })).toBe('--- 2s (a|)', { a: '202' });
        stage.expectObservable(stage.receive()).toBe('--- 500ms (a|)', { a: '202' });
        stage.expectObservable(stage.receive({ prefer: 'respond-async' })).toBe('---(a|)', { a: '202' });
      },
      { wait: '500ms', maxWait: '2s' },
    );
  });

  it('takes a result that is faster than its confirm for both', () => {
    onStage((stage) => {
      stage.answer = () => stage.cold('--rc', values);
      stage.expectObservable(stage.receive()).toBe('--(a|)', { a: '200' });
    });
  });

  it('tells who waits that it is accepted when nobody may wait any longer, and when no answer can come any more', () => {
    onStage((stage) => {
      stage.answer = () => stage.cold('-c', values);
      stage.expectObservable(stage.receive({ prefer: 'wait=9' })).toBe('----(a|)', { a: '202' });
      timer(4).subscribe(() => stage.hurry.next());
    });
    onStage((stage) => {
      stage.answer = () => stage.cold('-c--#', values, new ReplyLostError('gone'));
      stage.expectObservable(stage.receive({ prefer: 'wait=9' })).toBe('----(a|)', { a: '202' });
      timer(10).subscribe(() => expect(stage.stateOf('m1')).to.equal('200 accepted'));
    });
  });

  it('answers 503 for what the broker did not take, and begins anew when the same key comes again', () => {
    const failures: readonly (readonly [Error, string])[] = [
      [new PublishNackedError('full'), '503 queue-full'],
      [new PublishUnknownError('lost'), '503 not-confirmed'],
      [new UnroutableError('', 'orders'), '503 no-queue'],
      [new TopologyError('missing', { missingExchange: 'orders' }), '503 no-queue'],
      [new TopologyError('refused'), '503 not-confirmed'],
      [new BrokerUnavailableError('closed'), '503 broker-away'],
      [new ResultInvalidError('odd'), '500 not-sendable'],
    ];
    for (const [error, answer] of failures)
      onStage((stage) => {
        const keyed = { 'idempotency-key': 'k' };
        stage.answer = () => stage.cold('--#', values, error);
        stage.expectObservable(stage.receive(keyed)).toBe('--(a|)', { a: answer });
        timer(5).subscribe(() => {
          stage.answer = () => stage.cold('-c', values);
          stage.receive(keyed).subscribe((again) => expect([again, asyncScheduler.now()]).to.deep.equal(['202', 6]));
        });
        stage.flush();
        expect(new Set(stage.sent.map(({ properties }) => properties.messageId)).size).to.equal(1);
        expect(stage.sent).to.have.length(2);
      });
  });

  it('answers 503 when the broker does not confirm in time, whoever asked with the same key', () => {
    onStage((stage) => {
      const keyed = { 'idempotency-key': 'k' };
      stage.expectObservable(stage.receive(keyed)).toBe('1s (a|)', { a: '503 not-confirmed' });
      stage.expectObservable(stage.receive(keyed), '--^').toBe('1s (a|)', { a: '503 not-confirmed' });
    });
  });

  it('answers who is not confirmed when the broker does not read any more, and nobody else', () => {
    onStage((stage) => {
      timer(10).subscribe(() => stage.stalled.next());
      stage.answer = ({ properties }) => stage.cold(properties.messageId === 'm1' ? '-c 20ms r' : '- 20ms c', values);
      stage.expectObservable(stage.receive({ prefer: 'wait=9' })).toBe('22ms (a|)', { a: '200' });
      stage.expectObservable(stage.receive()).toBe('10ms (a|)', { a: '503 not-confirmed' });
      stage.expectObservable(stage.receive(), '- 10ms ^').toBe('32ms (a|)', { a: '202' });
    });
  });

  it('lets go of the body once it is refused, confirmed or given up, whoever still waits or has left', () => {
    const outcomes: readonly (readonly [string, Error | undefined, string, string | undefined])[] = [
      ['--c---r', undefined, '2', 'wait=9'],
      ['--r', undefined, '2', undefined],
      ['---#', new PublishNackedError('full'), '3', undefined],
      ['-', undefined, '1000', undefined],
    ];
    for (const [does, error, at, prefer] of outcomes)
      onStage((stage) => {
        stage.answer = () => stage.cold(does, values, error);
        const leaving = stage.receive(prefer === undefined ? {} : { prefer }).subscribe();
        timer(1).subscribe(() => leaving.unsubscribe());
        stage.flush();
        expect([does, stage.letGo]).to.deep.equal([does, [at]]);
      });
    onStage((stage) => {
      stage.receive({}, { body: Buffer.from('{') }).subscribe();
      expect([stage.sent.length, stage.letGo]).to.deep.equal([0, ['0']]);
    });
    onStage((stage) => {
      stage.answer = () => stage.cold('--c', values);
      const keyed = { 'idempotency-key': 'k' };
      stage.receive(keyed).subscribe();
      timer(1).subscribe(() => stage.receive(keyed).subscribe());
      timer(5).subscribe(() => stage.receive(keyed).subscribe());
      stage.flush();
      expect([stage.sent.length, stage.letGo]).to.deep.equal([1, ['2', '2', '5']]);
    });
  });

  it('goes on when the client leaves, and knows the result when he comes back', () => {
    onStage((stage) => {
      stage.answer = () => stage.cold('--c--r', values);
      const keyed = { 'idempotency-key': 'k', prefer: 'wait=9' };
      stage.expectObservable(stage.receive(keyed), '^--!').toBe('----');
      stage.expectObservable(stage.receive(keyed), '--------^').toBe('--------(a|)', { a: '200' });
      stage.flush();
      expect(stage.sent).to.have.length(1);
    });
  });

  it('takes the first answer, and one without a result for done', () => {
    onStage((stage) => {
      stage.answer = () =>
        stage.cold('cab', { c: confirmed, a: replied('', { 'x-sluice-outcome': 'done' }), b: values.r });
      stage.expectObservable(stage.receive({ prefer: 'wait=9' })).toBe('-(a|)', { a: '204' });
      stage.flush();
      expect(stage.stateOf('m1')).to.equal('200 done');
    });
    onStage((stage) => {
      stage.answer = () => stage.cold('cd', { c: confirmed, d: dead('ERR_MESSAGE_CONFLICT') });
      // Another process accepted the same key with another body.
      stage.expectObservable(stage.receive({ prefer: 'wait=9' })).toBe('-(a|)', { a: '422 idempotency-key-reused' });
    });
  });

  it('takes the end of a dead letter that was retried for the message’s, and none after it is done', () => {
    onStage((stage) => {
      // Faster than its confirm, which says nothing new.
      stage.answer = () => stage.cold('-dc--e--r--d', { ...values, d: dead('ERR_PERMANENT'), e: dead('ERR_OTHER') });
      const keyed = { 'idempotency-key': 'k', prefer: 'wait=9' };
      const deadLettered = { a: '500 dead-lettered' };
      stage.expectObservable(stage.receive(keyed)).toBe('-(a|)', deadLettered);
      stage.expectObservable(stage.receive(keyed), '---^').toBe('---(a|)', deadLettered);
      stage.expectObservable(stage.receive(keyed), '---------^').toBe('---------(a|)', { a: '200' });
      stage.expectObservable(stage.receive(keyed), '------------^').toBe('------------(a|)', { a: '200' });
      const told: string[] = [];
      for (const at of [3, 6, 9, 12])
        timer(at).subscribe(() => told.push(stage.standingOf(String(stage.sent[0]?.properties.messageId))));
      stage.flush();
      expect(stage.sent).to.have.length(1);
      expect(told).to.deep.equal(['dead-lettered ERR_PERMANENT', 'dead-lettered ERR_OTHER', 'done', 'done']);
    });
  });

  it('listens for that until it is done, forgotten, or can be told no more, and then it is a dead letter as before', () => {
    for (const [replies, until, standing] of [
      ['(cd)-r', '^----!', 'done'],
      ['(cd)-#', '^----!', 'dead-lettered ERR_PERMANENT'],
      ['(cd)', '^------!', 'dead-lettered ERR_PERMANENT'],
    ] as const)
      onStage(
        (stage) => {
          const telling = stage.cold(
            replies,
            { ...values, d: dead('ERR_PERMANENT') },
            new ReplyLostError('the channel is gone'),
          );
          stage.answer = ({ properties }) => (properties.messageId === 'm1' ? telling : NEVER);
          stage.receive().subscribe();
          timer(6).subscribe(() => expect(stage.standingOf('m1')).to.equal(standing));
          // There is room for one.
          timer(7).subscribe(() => stage.receive().subscribe());
          stage.expectSubscriptions(telling.subscriptions).toBe(until);
        },
        { maxTickets: 1 },
      );
  });

  it('shows no result that respond or its schema refuses', () => {
    for (const ofIngress of [
      { respond: () => ({ status: 99 }) },
      { respond: () => ({ status: 200, headers: { 'x-a': 'b\r\nc: d' } }) },
      { respond: () => ({ status: 200, headers: { 'content-length': '1' } }) },
      { responses: { 200: z.object({ missing: z.string() }) } },
      {
        respond: () => {
          throw new Error('mine');
        },
      },
    ])
      onStage((stage) => {
        stage.answer = () => stage.cold('cr', values);
        stage.expectObservable(stage.receive({ prefer: 'wait=9' })).toBe('-(a|)', { a: '500 result-not-shown' });
      }, ofIngress);
  });

  it('remembers so many messages and for so long, tells nobody else of them, and leaves nobody waiting for what it forgot', () => {
    onStage(
      (stage) => {
        stage.answer = () => stage.cold('c', values);
        stage.expectObservable(stage.receive({ prefer: 'wait=9' })).toBe('---(a|)', { a: '202' });
        timer(2).subscribe(() => stage.receive().subscribe());
        timer(3).subscribe(() => stage.receive().subscribe());
        timer(4).subscribe(() => {
          expect(stage.stateOf('m1')).to.equal('404 undefined');
          expect(stage.stateOf('m2')).to.equal('200 accepted');
          expect(stage.stateOf('m2', 'another')).to.equal('404 undefined');
          expect(stage.tickets.size).to.equal(2);
        });
        timer(60_001).subscribe(() => expect(stage.stateOf('m2')).to.equal('200 accepted'));
        timer(60_003).subscribe(() => expect(stage.stateOf('m2')).to.equal('404 undefined'));
      },
      { maxTickets: 2 },
    );
  });

  it('forgets what nobody asked for for longest when the answers it keeps are too large', () => {
    onStage((stage) => {
      // 10 000 bytes of answers, beside what each ticket takes: 100 KB in all.
      stage.answer = () => stage.cold('(cr)', { c: confirmed, r: replied('x'.repeat(9_000)) });
      for (let id = 1; id <= 20; id++) timer(id).subscribe(() => stage.receive().subscribe());
      stage.flush();
      expect(stage.tickets.size).to.be.lessThan(13);
      expect(stage.stateOf('m1')).to.equal('404 undefined');
      expect(stage.stateOf('m20')).to.equal('200 done');
    });
  });

  it('names the queue, the client, and what it wants to be told', () => {
    onStage((stage) => {
      stage.receive({ 'x-correlation-id': 'c-1' }).subscribe();
      stage.receive({}, { client: 'other', body: Buffer.from('{"n":2}') }).subscribe();
      const [first, second] = stage.sent;
      expect(first).to.deep.include({ exchange: '', routingKey: 'orders' });
      expect(first?.headers).to.deep.equal({ 'x-sluice-tell': 'outcome', 'x-sluice-client': 'shop' });
      expect(first?.properties).to.deep.equal({
        messageId: 'm1',
        correlationId: 'c-1',
        contentType: 'application/json',
        persistent: true,
        timestamp: 0,
      });
      expect(second?.properties.correlationId).to.equal('m2');
      expect(Buffer.from(second?.body ?? []).toString()).to.equal('{"n":2}');
    });
  });

  it('keeps the keys of clients apart', () => {
    onStage((stage) => {
      const keyed = { 'idempotency-key': 'k' };
      stage.receive(keyed, { client: 'a' }).subscribe();
      stage.receive(keyed, { client: 'b' }).subscribe();
      expect(new Set(stage.sent.map(({ properties }) => properties.messageId)).size).to.equal(2);
    });
  });

  it('never fails: a broker that throws is one that is away', () => {
    onStage((stage) => {
      stage.answer = () => throwError(() => new TypeError('odd'));
      stage.expectObservable(stage.receive()).toBe('(a|)', { a: '503 broker-away' });
    });
  });
});
