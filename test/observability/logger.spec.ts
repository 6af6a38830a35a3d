import { expect } from 'chai';
import pc from 'picocolors';
import { timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { useFakeTimers } from 'sinon';
import { HttpStatusError, RetryExhaustedError } from '../../src/errors.ts';
import { createFacts } from '../../src/events.ts';
import { logFacts } from '../../src/observability/log-facts.ts';
import { createLogger, type LoggerOptions } from '../../src/observability/logger.ts';
import { prettyLine } from '../../src/observability/pretty-lines.ts';

const captured = (level: LoggerOptions['level'] = 'trace') => {
  const lines: string[] = [];
  const log = createLogger({ level, stream: { write: (line) => void lines.push(line) } });
  return { log, lines, records: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
};

describe('createLogger', () => {
  it('shows an error by name, code, message and cause, and none of its other fields', () => {
    const { log, lines, records } = captured();
    const foreign = Object.assign(new Error('socket hang up'), {
      config: { headers: { 'x-api-key': 'canary' } },
      request: { auth: 'canary' },
    });
    log.error(
      {
        error: new RetryExhaustedError(3, {
          cause: new HttpStatusError({ api: 'payment', operation: 'POST /charge' }, 503),
        }),
      },
      'failed',
    );
    log.warn({ error: foreign }, 'failed');
    expect(records()[0]?.error).to.deep.equal({
      name: 'RetryExhaustedError',
      code: 'ERR_RETRY_EXHAUSTED',
      message: 'gave up after 3 attempts: payment POST /charge: answered 503',
      isTransient: true,
      cause: {
        name: 'HttpStatusError',
        code: 'ERR_HTTP_STATUS',
        message: 'payment POST /charge: answered 503',
        isTransient: true,
      },
    });
    expect(lines.join()).to.not.include('canary');
  });

  it('tells the time of each line, to the millisecond', () => {
    const clock = useFakeTimers({ now: Date.UTC(2026, 0, 2, 3, 4, 5, 6), toFake: ['Date'] });
    try {
      const { log, records } = captured();
      log.info('one');
      log.info('two');
      clock.tick(1);
      log.info('three');
      expect(records().map(({ time }) => time)).to.deep.equal([
        '2026-01-02T03:04:05.006Z',
        '2026-01-02T03:04:05.006Z',
        '2026-01-02T03:04:05.007Z',
      ]);
    } finally {
      clock.restore();
    }
  });

  it('survives errors that cannot be read, and what is no error', () => {
    const { log, records } = captured();
    const hostile = Object.defineProperty(new Error('x'), 'message', {
      get: () => {
        throw new Error('no');
      },
    });
    log.warn({ error: hostile }, 'odd');
    log.warn({ error: undefined }, 'odd');
    expect(records()[0]?.error).to.deep.equal({ message: 'an error that cannot be read' });
  });

  it('B10: writes one line for a text with newlines and control characters', () => {
    const { log, lines } = captured();
    log.info({ id: 'a\nb\u0000\u202e\ud800' }, 'x\ny');
    expect(lines).to.have.length(1);
    expect(lines[0]?.trimEnd()).to.satisfy((line: string) => !line.includes('\n') && !line.includes('\0'));
  });
});

describe('logFacts', () => {
  const identity = {
    pipeline: 'orders',
    messageId: 'm1',
    correlationId: 'c1',
    traceId: 't1',
    messageAttempt: 1,
    deliveryTag: 1,
  };

  it('tells failures loudly and successes quietly, each with the message it is about', () => {
    const { log, records } = captured();
    const facts = createFacts();
    const listening = logFacts(facts, log, { level: 'trace' });
    const settled = { type: 'settled', at: 5, ...identity, late: false, durationMs: 3 } as const;
    facts.report({ ...settled, settlement: 'ack' });
    facts.report({
      ...settled,
      settlement: 'retry',
      delayMs: 5_000,
      code: 'ERR_NETWORK',
      stage: 'handle',
      reason: 'down',
    });
    facts.report({
      ...settled,
      settlement: 'deadLetter',
      code: 'ERR_PAYLOAD_INVALID',
      stage: 'decode',
      reason: 'body is empty',
    });
    facts.report({
      type: 'callRetried',
      at: 5,
      ...identity,
      api: 'payment',
      operation: 'POST /charge',
      callId: 3,
      attempt: 2,
      nextDelayMs: 100.123456789,
      code: 'ERR_NETWORK',
      reason: 'payment POST /charge: connection refused (ECONNREFUSED)',
    });
    listening.unsubscribe();
    facts.report({ ...settled, settlement: 'ack' });
    expect(records().map(({ level, msg }) => [level, msg])).to.deep.equal([
      [20, 'done'],
      [40, 'failed, will be tried again'],
      [50, 'dead-lettered'],
      [40, 'call failed, another attempt follows'],
      [30, 'in the last 10 s'],
    ]);
    const about = { pipeline: 'orders', messageId: 'm1', correlationId: 'c1', traceId: 't1', attempt: 1 };
    for (const record of records().slice(0, 4))
      expect(record).to.deep.include(about).and.not.have.property('deliveryTag');
    expect(records()[2]).to.deep.include({ code: 'ERR_PAYLOAD_INVALID', stage: 'decode', reason: 'body is empty' });
    const reason = 'payment POST /charge: connection refused (ECONNREFUSED)';
    const call = { api: 'payment', callAttempt: 2, nextDelayMs: 100 };
    expect(records()[3]).to.deep.include({ ...call, code: 'ERR_NETWORK', reason });
  });

  it('tells once why an intake is paused, and again when the reason is another or it has taken messages', () => {
    const { log, records } = captured();
    const facts = createFacts();
    const listening = logFacts(facts, log, { level: 'info' });
    const paused = (pipeline: string, reason: string): void =>
      facts.report({ type: 'intakeChanged', at: 7, pipeline, state: 'paused', reason });
    for (let times = 0; times < 3; times++) {
      paused('orders', 'no queue');
      paused('refunds', 'no queue');
    }
    paused('orders', 'refused');
    facts.report({ type: 'intakeChanged', at: 8, pipeline: 'orders', state: 'consuming', prefetch: 4 });
    paused('orders', 'refused');
    listening.unsubscribe();
    expect(records().map(({ pipeline, msg, reason }) => [pipeline, msg, reason])).to.deep.equal([
      ['orders', 'intake paused', 'no queue'],
      ['refunds', 'intake paused', 'no queue'],
      ['orders', 'intake paused', 'refused'],
      ['orders', 'consuming', undefined],
      ['orders', 'intake paused', 'refused'],
    ]);
  });

  it('leaves it to the line of the worker that it drains', () => {
    const { log, records } = captured();
    const facts = createFacts();
    const listening = logFacts(facts, log, { level: 'info' });
    facts.report({ type: 'intakeChanged', at: 7, pipeline: 'orders', state: 'stopped' });
    facts.report({ type: 'workerMoved', at: 7, state: 'draining' });
    listening.unsubscribe();
    expect(records().map(({ pipeline }) => pipeline)).to.deep.equal([undefined]);
  });

  it('tells until when a circuit is open as people and programs read a time', () => {
    const { log, records } = captured();
    const facts = createFacts();
    const listening = logFacts(facts, log, { level: 'info' });
    const retryAt = Date.UTC(2026, 10, 30, 18, 5, 43, 233);
    facts.report({ type: 'breakerChanged', at: 5, api: 'payment', state: 'open', reason: 'failure-ratio', retryAt });
    listening.unsubscribe();
    expect(records()[0]).to.include({ api: 'payment', state: 'open', retryAt: '2026-11-30T18:05:43.233Z' });
  });

  it('tells what is undone, and for which message, at warn, and what needs somebody at error', () => {
    const { log, records } = captured();
    const facts = createFacts();
    const listening = logFacts(facts, log, { level: 'info' });
    const moved = { type: 'sagaMoved', at: 5, ...identity, saga: 'place-order', sagaId: 'o-1' } as const;
    facts.report({ ...moved, move: 'stepDone', step: 'charge' });
    facts.report({ ...moved, move: 'compensationFailed', step: 'charge', code: 'ERR_NETWORK', reason: 'down' });
    facts.report({ ...moved, move: 'compensationDone', step: 'charge' });
    facts.report({ ...moved, move: 'undone' });
    facts.report({ ...moved, move: 'stuck', step: 'stock', code: 'ERR_HTTP_STATUS', reason: '422' });
    listening.unsubscribe();
    expect(records().map(({ level, msg }) => [level, msg])).to.deep.equal([
      [40, 'a compensation failed'],
      [40, 'a step was undone'],
      [40, 'saga place-order is undone'],
      [50, 'saga place-order o-1 is stuck'],
    ]);
    const about = {
      pipeline: 'orders',
      messageId: 'm1',
      correlationId: 'c1',
      traceId: 't1',
      attempt: 1,
      sagaId: 'o-1',
    };
    for (const record of records()) expect(record).to.deep.include(about);
    expect(records()[0]).to.include({ step: 'charge', code: 'ERR_NETWORK', reason: 'down' });
  });

  it('tells at warn what is away and lets messages wait, and at info that it is back', () => {
    const { log, records } = captured();
    const facts = createFacts();
    const listening = logFacts(facts, log, { level: 'info' });
    facts.report({ type: 'journalChanged', at: 5, state: 'unavailable', reason: 'refused' });
    facts.report({ type: 'journalChanged', at: 6, state: 'available' });
    facts.report({ type: 'intakeChanged', at: 7, pipeline: 'orders', state: 'paused', reason: 'the breaker is open' });
    facts.report({ type: 'intakeChanged', at: 8, pipeline: 'orders', state: 'consuming', prefetch: 4 });
    facts.report({ type: 'breakerChanged', at: 9, api: 'payment', state: 'open', reason: '5 of 8 failed' });
    facts.report({ type: 'breakerChanged', at: 9, api: 'payment', state: 'closed', reason: 'a probe passed' });
    facts.report({ type: 'rateLimitSharingChanged', at: 10, api: 'payment', state: 'local', reason: 'refused' });
    facts.report({ type: 'rateLimitSharingChanged', at: 11, api: 'payment', state: 'shared' });
    facts.report({ type: 'eventLoopBlocked', at: 12, blockedMs: 1_200 });
    facts.report({ type: 'deliveryOverdue', at: 13, ...identity, stage: 'handle', ageMs: 1_500_000 });
    listening.unsubscribe();
    expect(records().map(({ level }) => level)).to.deep.equal([40, 30, 40, 30, 40, 30, 40, 30, 40, 50]);
    expect(records()[0]).to.include({ msg: 'the journal is away: messages that need it wait', reason: 'refused' });
  });

  it('shows no field that is not on its list', () => {
    const { log, lines } = captured();
    const facts = createFacts();
    const listening = logFacts(facts, log, { level: 'trace' });
    const smuggled = { type: 'workerMoved', at: 1, state: 'running', token: 'canary' } as const;
    facts.report(smuggled);
    listening.unsubscribe();
    expect(lines).to.have.length(1);
    expect(lines.join()).not.to.include('canary');
  });

  it('puts no line together that its level does not show', () => {
    const { log, lines } = captured();
    const facts = createFacts();
    const listening = logFacts(facts, log, { level: 'warn' });
    const unread = { type: 'published', at: 1, ...identity, exchange: 'e', confirmedMs: 1 } as const;
    facts.report(
      Object.defineProperty({ ...unread, routingKey: '' }, 'routingKey', {
        get: () => {
          throw new Error('it was read');
        },
      }),
    );
    listening.unsubscribe();
    expect(lines).to.deep.equal([]);
  });

  it('sums up every 10 s what became of the messages of each pipeline, and at the end', () => {
    const { log, records } = captured();
    const scheduler = new TestScheduler(() => {});
    const written: number[] = [];
    scheduler.run(({ flush }) => {
      const facts = createFacts();
      const listening = logFacts(facts, log, { level: 'info' });
      const settled = { type: 'settled', at: 5, ...identity, late: false, settlement: 'ack' } as const;
      for (const ms of [9_999, 10_001]) timer(ms).subscribe(() => written.push(records().length));
      for (let ms = 1; ms <= 100; ms++) facts.report({ ...settled, durationMs: ms });
      timer(10_500).subscribe(() =>
        facts.report({ ...settled, pipeline: 'other', settlement: 'returned', durationMs: 7 }),
      );
      timer(15_000).subscribe(() => listening.unsubscribe());
      flush();
    });
    const sums = records().filter(({ msg }) => msg === 'in the last 10 s');
    expect(sums).to.have.length(2);
    expect(written, 'lines shortly before and after 10 s').to.deep.equal([0, 1]);
    expect(sums[0]).to.include({ pipeline: 'orders', done: 100, retried: 0, deadLettered: 0, returned: 0 });
    expect(sums[0]?.p50Ms).to.be.within(46, 54);
    expect(sums[0]?.p99Ms).to.be.within(92, 106);
    expect(sums[1]).to.include({ pipeline: 'other', done: 0, returned: 1 });
  });

  for (const [level, expected] of [
    ['trace', ['in the last 10 s', 'worker stopped']],
    ['debug', ['in the last 10 s', 'worker stopped']],
    ['info', ['in the last 10 s', 'worker stopped']],
    ['warn', []],
    ['error', []],
    ['silent', []],
  ] as const)
    it(`sums up before a worker's last line at level ${level}, and nothing after it`, () => {
      const { log, records } = captured(level);
      const facts = createFacts();
      const listening = logFacts(facts, log, { level });
      const settled = { type: 'settled', at: 5, ...identity, late: false, settlement: 'ack', durationMs: 1 } as const;
      facts.report(settled);
      facts.report({ type: 'workerMoved', at: 6, state: 'stopped' });
      listening.unsubscribe();
      expect(records().flatMap(({ msg }) => (msg === 'done' ? [] : [msg]))).to.deep.equal(expected);
    });

  it('does not repeat a failure for ever: it counts the lines it left out', () => {
    const { log, records } = captured();
    const facts = createFacts();
    const listening = logFacts(facts, log, { level: 'info' });
    const settled = { type: 'settled', at: 5, ...identity, late: false, durationMs: 3 } as const;
    for (let n = 0; n < 1_000; n++) {
      facts.report({ ...settled, settlement: 'retry', code: 'ERR_NETWORK' });
      facts.report({ ...settled, settlement: 'deadLetter', code: 'ERR_PAYLOAD_INVALID' });
    }
    facts.report({ ...settled, settlement: 'retry', code: 'ERR_CALL_TIMEOUT' });
    facts.report({ ...settled, settlement: 'deadLetter', code: 'ERR_HANDLER' });
    listening.unsubscribe();
    const count = (settlement: string): number => records().filter((record) => record.settlement === settlement).length;
    expect(count('retry')).to.equal(101);
    // A hundred of each code and no more, so that no code is left out, however many letters come of another.
    expect(count('deadLetter')).to.equal(101);
    expect(records().some(({ settlement, code }) => settlement === 'deadLetter' && code === 'ERR_HANDLER')).to.equal(
      true,
    );
    const rest = records().filter(({ msg }) => msg === 'dead-lettered too, without a line for each');
    expect(rest).to.have.length(1);
    expect(rest[0]).to.include({ level: 50, pipeline: 'orders', code: 'ERR_PAYLOAD_INVALID', deadLettered: 900 });
    expect(records().at(-1)).to.include({ retried: 1_001, deadLettered: 1_001, unlogged: 1_800 });
  });

  it('tells of a dead letter that waits beside a thousand copies, and of a compensation that fails in another way', () => {
    const { log, records } = captured();
    const facts = createFacts();
    const listening = logFacts(facts, log, { level: 'info' });
    const delayed = {
      type: 'settlementDelayed',
      at: 5,
      ...identity,
      nextDelayMs: 500,
      code: 'ERR_UNROUTABLE',
    } as const;
    const failed = { type: 'sagaMoved', at: 5, ...identity, saga: 'order', sagaId: 'o-1', step: 'pay' } as const;
    for (let n = 0; n < 1_000; n++) {
      facts.report({ ...delayed, settlement: 'retry', reason: 'queue "q.delay.5s" does not exist' });
      facts.report({ ...failed, move: 'compensationFailed', code: 'ERR_NETWORK', reason: 'away' });
    }
    facts.report({ ...delayed, settlement: 'deadLetter', reason: 'queue "q.dead" does not exist' });
    facts.report({ ...failed, move: 'compensationFailed', code: 'ERR_UNKNOWN', reason: 'a defect' });
    listening.unsubscribe();
    expect(records().map(({ reason }) => reason)).to.include.members(['queue "q.dead" does not exist', 'a defect']);
  });

  it('does not repeat for ever what waits for the broker, or is undone, either', () => {
    const { log, records } = captured();
    const facts = createFacts();
    const listening = logFacts(facts, log, { level: 'info' });
    const delayed = { type: 'settlementDelayed', at: 5, ...identity, settlement: 'retry', nextDelayMs: 500 } as const;
    const moved = { type: 'sagaMoved', at: 5, ...identity, saga: 'place-order', sagaId: 'o-1' } as const;
    for (let n = 0; n < 1_000; n++) {
      facts.report({ ...delayed, code: 'ERR_UNROUTABLE', reason: 'no queue' });
      facts.report({ ...moved, move: 'undone' });
    }
    facts.report({ ...delayed, code: 'ERR_PUBLISH_NACKED', reason: 'full' });
    facts.report({ ...moved, move: 'compensationFailed' });
    listening.unsubscribe();
    const count = (start: string): number => records().filter(({ msg }) => String(msg).startsWith(start)).length;
    expect(count('settlement delayed')).to.equal(11);
    expect(count('saga place-order is undone')).to.equal(100);
    expect(count('a compensation failed')).to.equal(1);
    expect(records().at(-1)).to.include({ msg: 'in the last 10 s', unlogged: 1_890 });
  });

  it('counts dead letters without a code as such, and says where there are lines of them', () => {
    for (const [level, sentence, unlogged] of [
      ['info', 'dead-lettered too, without a line for each', 7],
      ['debug', 'dead-lettered too, told at debug', undefined],
    ] as const) {
      const { log, records } = captured(level);
      const facts = createFacts();
      const listening = logFacts(facts, log, { level });
      const settled = { type: 'settled', at: 5, ...identity, late: false, durationMs: 3 } as const;
      for (let n = 0; n < 107; n++) facts.report({ ...settled, settlement: 'deadLetter' });
      listening.unsubscribe();
      const [rest, ...others] = records().filter(({ msg }) => String(msg).startsWith('dead-lettered too'));
      expect(others).to.deep.equal([]);
      expect(rest).to.include({ msg: sentence, deadLettered: 7 }).and.not.have.property('code');
      expect(records().at(-1)?.unlogged).to.equal(unlogged);
    }
  });
});

describe('prettyLine', () => {
  const plain = pc.createColors(false);

  it('shows when, how bad, whose, what and the rest', () => {
    const { log, lines } = captured();
    log.warn({ pipeline: 'orders', messageId: 'm1', correlationId: 'c1', traceId: 't1', delayMs: 5 }, 'failed');
    expect(prettyLine(lines[0] ?? '', plain)).to.match(/^\d\d:\d\d:\d\d\.\d{3} WARN {2}orders m1 failed delayMs=5\n$/);
  });

  it('shows an error with its causes in one line, and one that is a defect with its stack', () => {
    const { log, lines } = captured();
    const status = new HttpStatusError({ api: 'payment', operation: 'POST /charge' }, 503);
    log.error({ error: new RetryExhaustedError(3, { cause: status }) }, 'no');
    log.error({ error: new TypeError('x is not a function') }, 'no');
    expect(prettyLine(lines[0] ?? '', plain)).to.match(/error=ERR_RETRY_EXHAUSTED: .* ← ERR_HTTP_STATUS: .*503\n$/);
    expect(prettyLine(lines[1] ?? '', plain)).to.include('error=\n    TypeError: x is not a function\n    at ');
  });

  it('hands no command of a message on to the terminal', () => {
    const { log, lines } = captured();
    log.info({ messageId: 'a\u001b[2J\u009b1m\n\u202eb', '\u001b]0;x': 1 }, 'x\u0007\ny');
    const shown = prettyLine(lines[0] ?? '', plain);
    expect(shown.trimEnd()).not.to.match(/[\p{Cc}\u202e]/u);
    expect(shown).to.include('a\\u001b[2J');
  });

  it('leaves what is no line of the log as it is', () =>
    expect(prettyLine('not json\n', plain)).to.equal('not json\n'));
});
