import { expect } from 'chai';
import { HttpStatusError, RetryExhaustedError } from '../../src/errors.ts';
import { createFacts } from '../../src/events.ts';
import { logFacts } from '../../src/observability/log-facts.ts';
import { createLogger } from '../../src/observability/logger.ts';

const captured = () => {
  const lines: string[] = [];
  const log = createLogger({ level: 'trace', stream: { write: (line) => void lines.push(line) } });
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
    const listening = logFacts(facts, log);
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
    listening.unsubscribe();
    facts.report({ ...settled, settlement: 'ack' });
    expect(records().map(({ level, msg }) => [level, msg])).to.deep.equal([
      [20, 'done'],
      [40, 'failed, will be tried again'],
      [50, 'dead-lettered'],
    ]);
    expect(records()[2]).to.deep.include({
      ...identity,
      code: 'ERR_PAYLOAD_INVALID',
      stage: 'decode',
      reason: 'body is empty',
    });
  });
});
