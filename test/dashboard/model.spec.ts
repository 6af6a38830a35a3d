/** What the dashboard makes of facts: books, troubles, one sentence, and bounds whatever comes. */
import { expect } from 'chai';
import { type Cursor, DashboardModel } from '../../src/dashboard/model.ts';
import type { PipelineShape, PipelineView } from '../../src/dashboard/wire.ts';
import { createFacts, type Facts, type Settled } from '../../src/events.ts';

const shape: PipelineShape = {
  name: 'p',
  queue: 'q',
  workQueues: ['q'],
  bindings: [],
  delays: [],
  deadLetters: 'q.dead',
  concurrency: 4,
  prefetch: 8,
  publishes: ['out'],
  apis: [
    {
      name: 'payment',
      key: 'payment',
      isNeeded: true,
      timeoutMs: 1_000,
      limit: 32,
      backoff: { initialMs: 100, maxMs: 1_000, jitter: 'full' },
    },
    {
      name: 'mail',
      key: 'mail',
      isNeeded: false,
      timeoutMs: 1_000,
      limit: 32,
      backoff: { initialMs: 100, maxMs: 1_000, jitter: 'full' },
    },
  ],
};

class Teller {
  /** Milliseconds from one message to the next. */
  everyMs = 0;
  /** The beginning of a second: what is told within some milliseconds is told in one, whenever the test runs. */
  readonly #startedAt = Math.floor(Date.now() / 1_000) * 1_000;
  readonly facts: Facts = createFacts();
  readonly model: DashboardModel;
  #tag = 0;

  constructor(payloads: 'all' | readonly string[] = []) {
    this.model = new DashboardModel(payloads);
    this.model.show([shape]);
    this.model.listen(this.facts);
  }

  identity(messageId = `m${this.#tag + 1}`) {
    this.#tag++;
    return {
      pipeline: 'p',
      messageId,
      correlationId: messageId,
      deliveryTag: this.#tag,
      traceId: 'a'.repeat(32),
      messageAttempt: 1,
    };
  }

  message(settlement: Settled['settlement'] = 'ack', more: Partial<Settled> = {}) {
    const about = this.identity();
    const { at } = this;
    this.facts.report({ type: 'delivered', at, ...about, queue: 'q', attempt: 1, redelivered: false, bytes: 3 });
    this.facts.report({ type: 'settled', at, ...about, settlement, late: false, durationMs: 7, ...more });
    return about;
  }

  get at(): number {
    return this.#startedAt + this.#tag * this.everyMs;
  }

  view(): PipelineView {
    const [view] = this.model.frame(undefined, true).frame.pipelines ?? [];
    if (view === undefined) throw new Error('no view');
    return view;
  }
}

describe('the dashboard’s model', () => {
  it('tells how much waits in the queue, since when, and what that means', () => {
    const teller = new Teller();
    expect(teller.view().waiting, 'before anybody looked').to.deep.equal({
      messages: undefined,
      deadLetters: undefined,
      ageMs: undefined,
    });
    const at = Date.now();
    const queues = [
      { queue: 'q', messages: 412, consumers: 1 },
      { queue: 'q.dead', messages: 3, consumers: 0 },
      { queue: 'not-ours', messages: 9, consumers: 0 },
    ];
    teller.facts.report({ type: 'queuesMeasured', at, queues });
    const delivered = { type: 'delivered', at, queue: 'q', attempt: 1, redelivered: false, bytes: 3 } as const;
    teller.facts.report({ ...delivered, ...teller.identity(), publishedAt: at - 61_000 });
    expect(teller.view().waiting).to.deep.equal({ messages: 412, deadLetters: 3, ageMs: 61_000 });
    expect(teller.view().health.sentence).to.match(/^412 messages wait in q, more than the 1 message/);
    for (let n = 0; n < 8; n++) teller.facts.report({ ...delivered, ...teller.identity(), publishedAt: at - 61_000 });
    expect(teller.view().health.sentence).to.match(/412 messages more wait in q, and what comes in was published/);
    teller.facts.report({ type: 'breakerChanged', at, api: 'payment', state: 'open', reason: 'it fails' });
    expect(teller.view().health.sentence).to.match(/The intake is paused, 412 messages wait in q\.$/);
    teller.facts.report({ type: 'queuesMeasured', at, queues: [] });
    expect(teller.view().waiting.messages, 'without a connection nothing is known').to.equal(undefined);
  });

  it('tells how many calls an API may have at once, from the start, and what that has become', () => {
    const teller = new Teller();
    const limits = () => teller.model.frame(undefined, true).frame.apis?.map(({ name, limit }) => [name, limit]);
    expect(limits()).to.deep.equal([
      ['payment', 32],
      ['mail', 32],
    ]);
    teller.facts.report({ type: 'limitChanged', at: Date.now(), api: 'mail', limit: 7 });
    expect(limits()?.at(-1)).to.deep.equal(['mail', 7]);
  });

  it('keeps the books in balance and counts what flows', () => {
    const teller = new Teller();
    for (const settlement of ['ack', 'ack', 'retry', 'deadLetter', 'returned'] as const) teller.message(settlement);
    const about = teller.identity();
    teller.facts.report({
      type: 'delivered',
      at: Date.now(),
      ...about,
      queue: 'q',
      attempt: 1,
      redelivered: false,
      bytes: 3,
    });
    const { counts, inRate, spark } = teller.view();
    expect(counts).to.deep.equal({ delivered: 6, acked: 2, retried: 1, deadLettered: 1, returned: 1, inFlight: 1 });
    expect(inRate).to.be.closeTo(6 / 5, 0.001);
    expect(spark.reduce((sum, count) => sum + count, 0)).to.equal(6);
  });

  it('says what is wrong in a sentence, the worst first', () => {
    const teller = new Teller();
    expect(teller.view().health.level).to.equal('idle');
    teller.message();
    expect(teller.view().health).to.deep.equal({
      level: 'healthy',
      sentence: 'Nothing stands out: 1 message done in the last minute.',
    });
    teller.message('retry', { code: 'ERR_NETWORK', reason: 'gone', stage: 'handle' });
    expect(teller.view().health.level).to.equal('noteworthy');
    teller.message('deadLetter', { code: 'ERR_PAYLOAD_INVALID', reason: 'no number', stage: 'validate' });
    expect(teller.view().health).to.deep.equal({
      level: 'degraded',
      sentence: '1 of the last minute’s 3 messages was dead-lettered, the newest with ERR_PAYLOAD_INVALID (no number).',
    });
    teller.facts.report({
      type: 'breakerChanged',
      at: Date.now(),
      api: 'mail',
      state: 'open',
      reason: 'failure-ratio',
    });
    expect(teller.view().health.level).to.equal('degraded');
    expect(teller.view().health.sentence).to.include('Messages go on without it');
    teller.facts.report({
      type: 'breakerChanged',
      at: Date.now(),
      api: 'mail',
      state: 'closed',
      reason: 'probes-passed',
    });
    teller.facts.report({
      type: 'breakerChanged',
      at: Date.now(),
      api: 'payment',
      state: 'open',
      reason: 'failure-ratio',
    });
    expect(teller.view().health.sentence).to.include('payment’s breaker is open');
    expect(teller.view().health.level).to.equal('broken');
    teller.facts.report({ type: 'connectionChanged', at: Date.now(), state: 'lost', reason: 'socket closed' });
    expect(teller.view().health.sentence).to.equal('The connection to the broker is lost: socket closed.');
    teller.facts.report({ type: 'connectionChanged', at: Date.now(), state: 'connecting', reason: 'ECONNREFUSED' });
    expect(teller.view().health.sentence).to.equal(
      'There is no connection to the broker, it is tried again: ECONNREFUSED.',
    );
  });

  it('says what cannot be settled, until it is', () => {
    const teller = new Teller();
    const { at } = teller;
    // One and the same message, which was published twice.
    const out = [teller.identity('twice'), teller.identity('twice')];
    const reason = 'the broker refused a message for queue "q.dead"';
    for (const about of out) {
      teller.facts.report({ type: 'delivered', at, ...about, queue: 'q', attempt: 1, redelivered: false, bytes: 3 });
      const delayed = { type: 'settlementDelayed', at, ...about, settlement: 'deadLetter' } as const;
      for (const nextDelayMs of [500, 900])
        teller.facts.report({ ...delayed, code: 'ERR_PUBLISH_NACKED', reason, nextDelayMs });
    }
    expect(teller.view().health).to.deep.equal({
      level: 'broken',
      sentence: `2 messages cannot be settled, their copies are not with the broker: ${reason}.`,
    });
    const [first, second] = out;
    const settled = { type: 'settled', at, late: false, durationMs: 7 } as const;
    if (first !== undefined) teller.facts.report({ ...settled, ...first, settlement: 'returned' });
    expect(teller.view().health.sentence).to.match(/^1 message cannot be settled, its copy is not/);
    if (second !== undefined) teller.facts.report({ ...settled, ...second, settlement: 'deadLetter' });
    expect(teller.view().health.sentence).to.match(/dead-lettered/);
  });

  it('says the worst where several things are wrong, whatever comes first', () => {
    const teller = new Teller();
    // The optional one stands first.
    teller.model.show([{ ...shape, apis: [...shape.apis].reverse() }]);
    const opens = (api: string): void =>
      teller.facts.report({ type: 'breakerChanged', at: Date.now(), api, state: 'open', reason: 'failure-ratio' });
    opens('mail');
    for (let n = 0; n < 4; n++) teller.message('deadLetter', { code: 'ERR_PAYLOAD_INVALID', reason: 'no number' });
    expect(teller.view().health.level).to.equal('broken');
    expect(teller.view().health.sentence).to.include('4 of the last minute’s 4 messages were dead-lettered');
    opens('payment');
    expect(teller.view().health.sentence).to.include('payment’s breaker is open');
    expect(teller.view().health.level).to.equal('broken');
    teller.facts.report({ type: 'workerMoved', at: Date.now(), state: 'draining' });
    expect(teller.view().health.sentence).to.include('The worker is draining');
  });

  it('hands each browser what it has not seen, and begins anew where that is gone', () => {
    const teller = new Teller();
    teller.message();
    const first = teller.model.frame(undefined, false);
    expect(first.frame.isFresh).to.equal(true);
    expect(first.frame.events).to.have.length(2);
    expect(first.frame.pipelines).to.have.length(1);
    teller.message('deadLetter');
    const second = teller.model.frame(first.cursor, false);
    expect(second.frame).to.include({ isFresh: false });
    expect(second.frame.events.map(({ fact }) => fact.type)).to.deep.equal(['delivered', 'settled']);
    expect(teller.model.frame(second.cursor, false).frame.events).to.deep.equal([]);
    const ahead: Cursor = { seq: second.cursor.seq + 1, bin: 0 };
    expect(teller.model.frame(ahead, false).frame.isFresh, 'of another worker').to.equal(true);
    teller.model.show([shape]);
    const reloaded = teller.model.frame(second.cursor, false).frame;
    expect(reloaded, 'of another version').to.include({ isFresh: true });
    expect(reloaded.events).to.deep.equal([]);
  });

  it('draws a few messages of many, and all bad ends up to a number', () => {
    const teller = new Teller();
    for (let n = 0; n < 3_000; n++) teller.message(n % 10 === 0 ? 'deadLetter' : 'ack');
    const { frame } = teller.model.frame(undefined, true);
    expect(frame.events.length).to.be.lessThan(300);
    expect(teller.view().counts).to.include({ delivered: 3_000, acked: 2_700, deadLettered: 300 });
  });

  it('follows every message while there are few; of many some a second, spread evenly, and all that come again', () => {
    const tellerOf = (everyMs: number) => {
      const teller = new Teller('all');
      const { contents } = teller.facts;
      teller.everyMs = everyMs;
      return {
        deliver: (attempt = 1, redelivered = false) => {
          const about = teller.identity();
          teller.facts.report({
            type: 'delivered',
            at: teller.at,
            ...about,
            queue: 'q',
            attempt,
            redelivered,
            bytes: 3,
          });
          contents.report({ type: 'message', ...about, headers: {}, properties: {}, body: Buffer.from('"seen"') });
          return { about, isFollowed: contents.isWanted(about) };
        },
        bodyOf: ({ messageId, deliveryTag }: { messageId: string; deliveryTag: number }) =>
          teller.model.story('p', messageId, deliveryTag)?.body?.text,
      };
    };
    const calm = tellerOf(5);
    const few = Array.from({ length: 600 }, () => calm.deliver());
    expect(few.every(({ isFollowed }) => isFollowed)).to.equal(true);
    expect(few.map(({ about }) => calm.bodyOf(about)?.includes('seen'))).to.not.include(false);

    const busy = tellerOf(1);
    const many = Array.from({ length: 4_000 }, () => busy.deliver());
    const followed = many.filter(({ isFollowed }) => isFollowed).map(({ about }) => about.deliveryTag);
    expect(followed.length).to.be.within(700, 1_100);
    const lastOnes = followed.slice(-150);
    // Of seconds that follow on a dense one: from their beginning to their end.
    expect((lastOnes.at(-1) ?? 0) - (lastOnes[0] ?? 0)).to.be.greaterThan(700);
    for (const { about, isFollowed } of many) expect(busy.bodyOf(about) !== undefined).to.equal(isFollowed);
    expect(Array.from({ length: 300 }, () => busy.deliver(2).isFollowed)).to.not.include(false);
    expect(Array.from({ length: 300 }, () => busy.deliver(1, true).isFollowed)).to.not.include(false);
  });

  it('tells of a message that has come again with the tag it had, on another channel, once: the latest of it', () => {
    const teller = new Teller();
    const about = teller.identity();
    for (const [at, settlement] of [
      [teller.at, 'returned'],
      [teller.at + 5, 'ack'],
    ] as const) {
      teller.facts.report({ type: 'delivered', at, ...about, queue: 'q', attempt: 1, redelivered: false, bytes: 3 });
      teller.facts.report({ type: 'settled', at: at + 1, ...about, settlement, late: false, durationMs: 1 });
    }
    const other = teller.message();
    const { recent = [] } = teller.model.frame(undefined, true).frame;
    expect(recent.map(({ messageId, settlement }) => [messageId, settlement])).to.have.deep.members([
      [about.messageId, 'ack'],
      [other.messageId, 'ack'],
    ]);
  });

  it('keeps of a message that was not followed how it ended badly, and its calls from the first that failed on', () => {
    const teller = new Teller('all');
    const { facts, model } = teller;
    const deliver = () => {
      const about = teller.identity();
      const { at } = teller;
      facts.report({ type: 'delivered', at, ...about, queue: 'q', attempt: 1, redelivered: false, bytes: 3 });
      return about;
    };
    // All in one second: the first 200 are followed.
    for (let n = 0; n < 1_000; n++) teller.message();
    const refused = teller.message('deadLetter', { code: 'ERR_PAYLOAD_INVALID', reason: 'order: expected text' });
    const refusal = model.story('p', refused.messageId, refused.deliveryTag);
    expect(refusal).to.deep.include({ isPartial: true, headers: [], body: undefined, results: [] });
    expect(refusal?.facts.map(({ type }) => type)).to.deep.equal(['settled']);
    expect(refusal?.settled).to.include({ code: 'ERR_PAYLOAD_INVALID', durationMs: 7 });
    expect(refusal?.test).to.deep.equal({ isPossible: false, why: 'More belongs to it than is kept.' });
    const listed = model.frame(undefined, true).frame.recent?.find(({ messageId }) => messageId === refused.messageId);
    expect(listed).to.include({ settlement: 'deadLetter', attempt: 1, durationMs: 7 });

    const failing = deliver();
    const { at } = teller;
    const attempt = (n: number, outcome: 'ok' | 'failed') => {
      const call = { ...failing, api: 'payment', operation: 'POST /charge', callId: 9, attempt: n } as const;
      facts.report({ type: 'callStarted', at: at + n, ...call });
      facts.report({ type: 'callEnded', at: at + n + 5, ...call, outcome, durationMs: 5 });
    };
    attempt(1, 'ok');
    expect(facts.contents.isWanted(failing), 'while all is well').to.equal(false);
    attempt(2, 'failed');
    expect(facts.contents.isWanted(failing), 'from there on').to.equal(true);
    attempt(3, 'failed');
    facts.report({ type: 'settled', at: at + 9, ...failing, settlement: 'deadLetter', late: false, durationMs: 9 });
    const story = model.story('p', failing.messageId, failing.deliveryTag);
    expect(story?.facts.map((fact) => [fact.type, fact.at - at])).to.deep.equal([
      ['callStarted', 2],
      ['callEnded', 7],
      ['callStarted', 3],
      ['callEnded', 8],
      ['settled', 9],
    ]);
    expect(story?.isPartial).to.equal(true);

    // Where all fail, 200 a second are followed so, and of the rest it is the end that is kept.
    const wanted = Array.from({ length: 1_000 }, () => {
      const about = deliver();
      const call = { ...about, api: 'payment', operation: 'POST /charge', callId: 1, attempt: 1 } as const;
      facts.report({ type: 'callEnded', at, ...call, outcome: 'rejected', durationMs: 0 });
      return facts.contents.isWanted(about);
    });
    expect(wanted.filter((isWanted) => isWanted)).to.have.length(199);
    for (let n = 0; n < 1_000; n++) teller.message('retry');
    const troubled = model.frame(undefined, true).frame.recent?.filter(({ settlement }) => settlement === 'retry');
    expect(troubled?.length).to.be.within(50, 100);
  });

  it('holds no more, whatever comes: messages, facts of one, bytes, codes', () => {
    const teller = new Teller('all');
    teller.everyMs = 10;
    const body = Buffer.alloc(64 * 1_024, 'x');
    for (let n = 0; n < 6_000; n++) {
      const about = teller.identity();
      const { at } = teller;
      teller.facts.report({ type: 'delivered', at, ...about, queue: 'q', attempt: 1, redelivered: false, bytes: 3 });
      teller.facts.contents.report({ type: 'message', ...about, headers: {}, properties: {}, body });
    }
    const about = teller.message('deadLetter');
    // There is room for 24 MB of content, and for 4096 messages on their way.
    const kept = Array.from({ length: 6_000 }, (_, n) => teller.model.story('p', `m${n + 1}`, n + 1)).filter(
      (story) => story !== undefined,
    );
    expect(kept).to.have.length(4_096);
    expect(kept.filter((story) => story.body !== undefined)).to.have.length((24 * 2 ** 20) / body.byteLength);
    const unfollowed = teller.model.story('p', about.messageId, about.deliveryTag);
    expect(unfollowed?.facts, 'no room but for its end').to.have.length(1);

    const other = new Teller();
    other.everyMs = 10;
    const long = other.identity();
    other.facts.report({
      type: 'delivered',
      at: Date.now(),
      ...long,
      queue: 'q',
      attempt: 1,
      redelivered: false,
      bytes: 3,
    });
    for (let n = 0; n < 5_000; n++)
      other.facts.report({
        type: 'callStarted',
        at: Date.now(),
        ...long,
        api: 'payment',
        operation: 'POST /x',
        callId: n,
        attempt: 1,
      });
    const story = other.model.story('p', long.messageId, long.deliveryTag);
    expect(story?.facts).to.have.length(400);
    for (let n = 0; n < 500; n++) other.message('deadLetter', { code: `ERR_${n}`, reason: 'r'.repeat(10_000) });
    const { troubles } = other.view();
    expect(troubles).to.have.length(24);
    expect(troubles[0]?.reason).to.have.length(240);
    expect(other.model.frame(undefined, true).frame.recent).to.have.length(100);
  });

  it('listens to nothing of pipelines it does not show', () => {
    const teller = new Teller();
    const at = Date.now();
    teller.facts.report({
      type: 'delivered',
      at,
      ...teller.identity(),
      pipeline: 'other',
      queue: 'q',
      attempt: 1,
      redelivered: false,
      bytes: 3,
    });
    expect(teller.view().counts.delivered).to.equal(0);
    expect(teller.model.story('other', 'm1', 1)).to.equal(undefined);
  });
});
