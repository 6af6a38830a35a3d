import { expect } from 'chai';
import { NEVER } from 'rxjs';
import { queuePair, renewed, retryOf } from '../../../src/cli/dlq/copies.ts';
import { readFilter } from '../../../src/cli/dlq/filter.ts';
import { readLetter } from '../../../src/cli/dlq/letter.ts';
import { parseRate } from '../../../src/cli/dlq/rate.ts';
import { age, lines, oneLine } from '../../../src/cli/print.ts';
import type { Delivery, HeaderTable, MessageProperties } from '../../../src/message/delivery.ts';

const dead = (headers: HeaderTable, properties: MessageProperties = { messageId: 'm1' }): Delivery => ({
  queue: 'orders.dead',
  exchange: '',
  routingKey: 'orders.dead',
  deliveryTag: 1,
  redelivered: false,
  body: Buffer.from('{}'),
  properties,
  headers,
  lost: NEVER,
  ack: () => 'sent',
  requeue: () => 'sent',
});

const byEngine: HeaderTable = {
  tenant: 'blue',
  'x-sluice-error-code': 'ERR_RETRY_EXHAUSTED',
  'x-sluice-error-cause': 'ERR_HTTP_STATUS',
  'x-sluice-error-message': 'gave up',
  'x-sluice-stage': 'handle',
  'x-sluice-pipeline': 'orders',
  'x-sluice-attempts': 4,
  'x-sluice-first-failed-at': 1_000,
  'x-sluice-last-failed-at': 2_000,
  'x-sluice-queue': 'orders',
  'x-sluice-exchange': 'shop',
  'x-sluice-routing-key': 'order.placed',
};
const byBroker: HeaderTable = {
  tenant: 'blue',
  'x-death': [
    {
      queue: 'orders',
      reason: 'delivery_limit',
      exchange: 'shop',
      'routing-keys': ['order.placed'],
      time: new Date(5_000),
      count: 1,
    },
  ],
  'x-first-death-queue': 'orders',
  'x-delivery-count': 3,
  'x-acquired-count': 4,
};

describe('dead letters as the commands read them', () => {
  it('are read by what the engine wrote down', () => {
    expect(readLetter(dead(byEngine), 'orders')).to.deep.include({
      id: 'm1',
      correlationId: 'm1',
      code: 'ERR_RETRY_EXHAUSTED',
      cause: 'ERR_HTTP_STATUS',
      stage: 'handle',
      message: 'gave up',
      attempts: 4,
      firstFailedAt: 1_000,
      lastFailedAt: 2_000,
      exchange: 'shop',
      routingKey: 'order.placed',
      retries: 0,
      deliveryCount: 0,
    });
  });

  it("are read by the broker's record where the broker moved them, whatever their headers claim", () => {
    const letter = readLetter(
      dead({ ...byEngine, 'x-sluice-exchange': undefined, 'x-sluice-routing-key': undefined, ...byBroker }),
      'orders',
    );
    expect(letter).to.deep.include({
      code: 'BROKER_DELIVERY_LIMIT',
      stage: 'broker',
      lastFailedAt: 5_000,
      exchange: 'shop',
      routingKey: 'order.placed',
      deliveryCount: 3,
    });
  });

  it('survive headers that mean something else, or nothing', () => {
    const nonsense = Object.fromEntries(Object.keys(byEngine).map((name) => [name, [null, { a: [] }]]));
    const letter = readLetter(
      dead({ ...nonsense, 'x-death': ['x', null], 'x-sluice-dlq-retries': -3, 'x-delivery-count': 'many' }),
      'orders',
    );
    expect(letter).to.deep.include({
      code: '-',
      stage: '-',
      message: '',
      lastFailedAt: undefined,
      retries: 0,
      deliveryCount: 0,
    });
    expect(readLetter(dead({}, {}), 'orders').id).to.match(/^body-/);
  });
});

describe('a letter on its way back', () => {
  const pair = queuePair('orders');

  it('goes to the queue these are the dead letters of, by whichever name that was given', () => {
    expect(queuePair('orders.dead')).to.deep.equal(pair).and.deep.equal({ work: 'orders', dead: 'orders.dead' });
    const forged = dead({ ...byEngine, 'x-sluice-queue': 'payments' });
    expect(retryOf(forged, readLetter(forged, 'orders'), pair)).to.include({ exchange: '', routingKey: 'orders' });
  });

  it('goes to the partition it lay in, by the name of the engine or of the broker, and to nothing else', () => {
    const partition = dead({ ...byEngine, 'x-sluice-queue': 'orders.3' });
    expect(retryOf(partition, readLetter(partition, 'orders'), pair)).to.include({
      exchange: '',
      routingKey: 'orders.3',
    });
    for (const queue of ['orders.dead', 'orders.3.x', 'orders.', 'others.3', 'orders.12345']) {
      const forged = dead({ ...byEngine, 'x-sluice-queue': queue });
      expect(retryOf(forged, readLetter(forged, 'orders'), pair).routingKey).to.equal('orders');
    }
    const death = { queue: 'orders.7', reason: 'delivery_limit', exchange: 'orders', 'routing-keys': ['o1'] };
    const delivery = dead({ 'x-death': [death] });
    const letter = readLetter(delivery, 'orders');
    expect(letter).to.include({ stage: 'broker', code: 'BROKER_DELIVERY_LIMIT', routingKey: 'o1' });
    expect(retryOf(delivery, letter, pair).routingKey).to.equal('orders.7');
    expect(renewed(delivery, letter, pair).headers['x-sluice-queue']).to.equal('orders.7');
  });

  it('keeps its id, its own headers, what is known to be missing of them, and its origin, and nothing of its failure', () => {
    const delivery = dead(
      {
        ...byEngine,
        CC: ['other'],
        'x-sluice-attempt': 3,
        'x-sluice-deadline': 9,
        'x-sluice-stripped': 'y',
        'x-sluice-dlq-retries': 1,
      },
      { messageId: 'm1', correlationId: 'c1', replyTo: 'amq.gen-1', expiration: '5', userId: 'ann', priority: 3 },
    );
    const copy = retryOf(delivery, readLetter(delivery, 'orders'), pair);
    expect(JSON.parse(JSON.stringify(copy.headers))).to.deep.equal({
      tenant: 'blue',
      'x-sluice-exchange': 'shop',
      'x-sluice-routing-key': 'order.placed',
      'x-sluice-stripped': 'y',
      'x-sluice-user-id': 'ann',
      'x-sluice-dlq-retries': 2,
    });
    expect(copy.properties).to.deep.equal({
      messageId: 'm1',
      correlationId: 'c1',
      replyTo: 'amq.gen-1',
      priority: 3,
      persistent: true,
    });
    expect(copy.body).to.equal(delivery.body);
    expect(copy.mandatory ?? true).to.equal(true);
  });

  it('keeps the id its effects are known by where it has none of its own', () => {
    const delivery = dead(byEngine, {});
    const letter = readLetter(delivery, 'orders');
    expect(retryOf(delivery, letter, pair).properties.messageId).to.equal(letter.id);
  });

  it("takes the broker's record along as headers when it is put among the dead letters anew", () => {
    const delivery = dead(byBroker);
    const letter = readLetter(delivery, 'orders');
    const copy = renewed(delivery, letter, pair);
    expect(copy).to.include({ exchange: '', routingKey: 'orders.dead' });
    expect(copy.headers).to.not.have.any.keys('x-death', 'x-delivery-count', 'x-acquired-count', 'x-first-death-queue');
    const again = readLetter(dead(copy.headers), 'orders');
    expect(again).to.deep.equal({ ...letter, deliveryCount: 0 });
  });
});

describe('the filter of dead letters', () => {
  const letter = readLetter(dead(byEngine), 'orders');
  const holds = (options: Parameters<typeof readFilter>[0], now = 2_000): boolean => {
    const filter = readFilter(options, now, { needsOne: true });
    return typeof filter === 'function' && filter(letter);
  };

  it('asks for all of the kinds given, and for one of each kind', () => {
    expect(holds({ all: true })).to.equal(true);
    expect(
      holds({ code: ['x', letter.code], stage: ['handle'], fingerprint: [letter.fingerprint], id: ['m1'] }),
    ).to.equal(true);
    expect(holds({ code: [letter.code], stage: ['decode'] })).to.equal(false);
    expect(holds({ olderThan: '1s' }, 3_001)).to.equal(true);
    expect(holds({ olderThan: '1s' }, 3_000)).to.equal(false);
  });

  it('chooses letters that say nothing by what they are listed under', () => {
    const filter = readFilter({ stage: ['-'], code: ['-'] }, 0, { needsOne: true });
    expect(typeof filter === 'function' && filter(readLetter(dead({}), 'orders'))).to.equal(true);
  });

  it('does not know a letter without a time to be old', () => {
    const filter = readFilter({ olderThan: '1ms' }, Number.MAX_SAFE_INTEGER, { needsOne: true });
    expect(typeof filter === 'function' && filter(readLetter(dead({}), 'orders'))).to.equal(false);
  });

  it('takes nothing for everything only where that harms nobody', () => {
    expect(readFilter({}, 0, { needsOne: true })).to.have.length(1);
    expect(readFilter({}, 0, { needsOne: false })).to.be.a('function');
    expect(readFilter({ all: true, id: ['a'] }, 0, { needsOne: true })).to.have.length(1);
    expect(readFilter({ olderThan: 'long' }, 0, { needsOne: true })).to.have.length(1);
  });
});

describe('what a terminal is shown', () => {
  it('is nothing that it would obey', () => {
    expect(oneLine('a\u001b[31m\r\n\u009b2J\u202eb')).to.equal('a\\u{1b}[31m\\u{d}\\u{a}\\u{9b}2J\\u{202e}b');
    expect(lines('žluťoučký\n\tkůň 🐎\u0007')).to.equal('žluťoučký\n\tkůň 🐎\\u{7}');
  });

  it('tells ages and rates in few characters', () => {
    expect([0, 59_999, 3_600_000, 90_000_000].map((ms) => age(0, ms))).to.deep.equal(['0s', '59s', '1h', '1d']);
    expect([age(undefined, 5), age(9, 5)]).to.deep.equal(['-', '0s']);
    expect(['50/s', '30/m', 'max', '0/s', '5', 'x/s', '1/d'].map(parseRate)).to.deep.equal([
      20,
      2_000,
      0,
      ...Array(4).fill(undefined),
    ]);
  });
});
