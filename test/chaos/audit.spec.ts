import { expect } from 'chai';
import type { JournalEntry } from '../../demo/apis/request-journal.ts';
import { audit, type Evidence, type WorkerEnd } from './audit.ts';
import type { Input } from './inputs.ts';

const MINUTE = 60_000;

const request = (operation: string, body: unknown, about: Partial<JournalEntry> = {}): JournalEntry => ({
  number: 1,
  receivedAtMs: 1_000,
  method: 'POST',
  path: '/',
  query: {},
  operation,
  headers: { 'user-agent': 'worker-0-1' },
  key: `key of ${operation} ${JSON.stringify(body)}`,
  body,
  fault: undefined,
  hasEffect: true,
  isReplay: false,
  status: 200,
  end: 'answered',
  endedAtMs: 1_010,
  ...about,
});

const line = (msg: string, atMs: number, level = 40) => ({ msg, time: new Date(atMs).toISOString(), level });

const worker: WorkerEnd = {
  name: 'worker-0-1',
  place: 0,
  lines: [line('connected to the broker', 10, 30), line('no connection to the broker', 2_050)],
  startedAtMs: 0,
  endedAtMs: 2 * MINUTE,
  end: 'stop',
  exit: 0,
};

const placed: Input = { id: 'orders-1', pipeline: 'orders', body: {}, end: 'placed' };
const undone: Input = { id: 'orders-2', pipeline: 'orders', body: {}, end: 'undone' };
const sent: Input = { id: 'postings-1', pipeline: 'postings', body: {}, end: 'sent' };

const posting = (id: string, place: number) => ({
  id,
  end: 'sent',
  account: 'a',
  place,
  worker: 'worker-0-1',
  isFirst: true,
});

/** A run in which all went as it should. */
const evidence: Evidence = {
  confirmed: [placed, undone, sent],
  unknown: [],
  endings: [{ id: 'orders-1', end: 'placed' }, { id: 'orders-2', end: 'undone' }, posting('postings-1', 1)],
  left: { 'chaos.orders': 0 },
  requests: {
    inventory: [
      request('POST /deduct', { order_id: 'orders-1' }),
      request('POST /deduct', { order_id: 'orders-2' }),
      request('POST /restore', { order_id: 'orders-2' }),
    ],
    payment: [
      request('POST /charge', { order_id: 'orders-1' }),
      request('POST /charge', { order_id: 'orders-2' }),
      request('POST /refund', { transaction_id: 'tx-orders-2' }),
    ],
    shipping: [request('POST /create-shipment', { order_id: 'orders-1' })],
  },
  workers: [worker],
  lostConnections: 1,
  faults: [{ fault: { kind: 'line-cut', worker: 0, how: 'reset' }, fromMs: 2_000, toMs: 2_001 }],
  vitals: [{ rssMb: 120, openFiles: 40 }],
};

const requests = (changed: Evidence['requests']): Evidence => ({
  ...evidence,
  requests: { ...evidence.requests, ...changed },
});
const ended = (...more: Evidence['endings']): Evidence => ({ ...evidence, endings: [...evidence.endings, ...more] });

describe('the audit of a chaos run', () => {
  it('finds nothing where all went as it should', () => {
    expect(audit(evidence)).to.deep.equal({ findings: [], duplicates: 0, duplicatesAllowed: 16, maxInFlight: 3 });
  });

  const broken: Readonly<Record<string, readonly [evidence: Evidence, text: string]>> = {
    'nothing is lost': [{ ...evidence, endings: evidence.endings.slice(0, 2) }, 'postings-1 is lost'],
    'everything ends as it should': [
      ended({ id: 'postings-1', end: 'dead' }),
      'postings-1 should end as "sent" and ended as "dead"',
    ],
    'duplicates are within the prefetch for each lost connection': [
      { ...ended({ id: 'orders-1', end: 'placed' }), lostConnections: 0 },
      '1 duplicates of orders, 0 lost connections × 16 allow 0',
    ],
    'an effect happens once': [
      requests({
        email: [request('POST /send-email', { to: 'a' }), request('POST /send-email', { to: 'a' }, { key: 'other' })],
      }),
      '2 effects',
    ],
    'what is undone was done, what is placed is not undone': [
      requests({ shipping: [] }),
      'orders-1 is placed, and not all of it was done',
    ],
    'an API gets no more calls at once than its concurrency': [
      requests({ twitter: Array.from({ length: 7 }, (_, n) => request('POST /tweet', { text: n })) }),
      'worker-0-1 had 7 calls in flight at twitter, 6 are allowed',
    ],
    'postings of an account keep their order': [
      { ...ended(posting('postings-0', 0)), confirmed: [...evidence.confirmed, { ...sent, id: 'postings-0' }] },
      'postings-0 came after posting 1 of a, from worker-0-1',
    ],
    'queues are empty': [{ ...evidence, left: { 'chaos.orders': 2 } }, 'chaos.orders holds 2'],
    'a worker ends as it is asked to': [
      { ...evidence, workers: [{ ...worker, exit: 1 }] },
      'worker-0-1 ended with 1, asked by stop',
    ],
    'no error but dead letters is logged': [
      { ...evidence, workers: [{ ...worker, lines: [...worker.lines, line('the books do not balance', 3_000, 50)] }] },
      'the books do not balance',
    ],
    'a fault of the broker or its line is told in a clear line': [
      { ...evidence, workers: [{ ...worker, lines: worker.lines.slice(0, 1) }] },
      'worker-0-1 said nothing of line-cut',
    ],
    'memory and open files keep to their bounds': [
      { ...evidence, vitals: [{ rssMb: 700, openFiles: 40 }] },
      '700 MB of memory',
    ],
  };
  for (const [law, [wrong, text]] of Object.entries(broken)) {
    it(`finds out where it does not hold that ${law}`, () => {
      const { findings } = audit(wrong);
      expect(findings.map((finding) => finding.law)).to.deep.equal([law]);
      expect(findings[0]?.text).to.include(text);
    });
  }

  it('finds an order that was placed and undone, one that was undone by half, and an effect without a key', () => {
    const texts = (wrong: Evidence): readonly string[] => audit(wrong).findings.map(({ text }) => text);
    const refunded = [...(evidence.requests.payment ?? []), request('POST /refund', { transaction_id: 'tx-orders-1' })];
    expect(texts(requests({ payment: refunded }))).to.deep.equal(['orders-1 is placed, and some of it was undone']);
    const kept = (evidence.requests.inventory ?? []).slice(0, 2);
    expect(texts(requests({ inventory: kept }))).to.deep.equal(['orders-2 is undone, and not all of it']);
    const keyless = request('POST /share', { title: 'a' }, { key: undefined });
    expect(texts(requests({ linkedin: [keyless] }))).to.deep.equal(['linkedin POST /share: no idempotency key']);
  });

  it('lets a signal end a worker that has not begun, and none that has', () => {
    const ends = (lines: WorkerEnd['lines']): readonly string[] =>
      audit({ ...evidence, faults: [], workers: [{ ...worker, lines, exit: 'SIGTERM' }] }).findings.map(
        ({ text }) => text,
      );
    expect(ends([])).to.deep.equal([]);
    expect(ends([line('worker starting', 10)])).to.deep.equal(['worker-0-1 ended with SIGTERM, asked by stop']);
  });

  it('does not count calls their worker had given up, nor asks for lines of a worker that stood still', () => {
    const given = Array.from({ length: 9 }, (_, n) =>
      request('POST /tweet', { text: n }, { end: 'aborted', hasEffect: false }),
    );
    expect(audit(requests({ twitter: given })).findings).to.deep.equal([]);
    const pause = { fault: { kind: 'worker-pause', worker: 0, forMs: 9_000 } as const, fromMs: 1_500, toMs: 10_500 };
    const silent = { ...worker, lines: worker.lines.slice(0, 1) };
    expect(audit({ ...evidence, workers: [silent], faults: [...evidence.faults, pause] }).findings).to.deep.equal([]);
  });
});
