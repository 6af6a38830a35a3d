/** The dashboard of several workers: what each of them tells, put together. */
import { expect } from 'chai';
import { TestScheduler } from 'rxjs/testing';
import { BIN, binOf } from '../../src/dashboard/bins.ts';
import { FleetBins } from '../../src/dashboard/fleet-bins.ts';
import { FleetModel } from '../../src/dashboard/fleet-model.ts';
import { type Cursor, DashboardModel } from '../../src/dashboard/model.ts';
import type { Frame, Story } from '../../src/dashboard/wire.ts';
import { createFacts, type Facts } from '../../src/events.ts';
import { ordersShape } from './orders-shape.ts';

/** A worker's own model, and what it tells its parent. */
class Worker {
  readonly facts: Facts = createFacts();
  readonly #model = new DashboardModel('all');
  #cursor: Cursor | undefined;
  #tag = 0;

  constructor() {
    this.#model.show([ordersShape]);
    this.#model.listen(this.facts);
    this.facts.report({ type: 'workerMoved', at: 0, state: 'running' });
    this.facts.report({ type: 'connectionChanged', at: 0, state: 'connected' });
    this.facts.report({ type: 'intakeChanged', at: 0, pipeline: 'orders', state: 'consuming', prefetch: 16 });
  }

  handle(messageId: string, at: number, settlement: 'ack' | 'deadLetter' | 'none yet' = 'ack'): void {
    const identity = {
      pipeline: 'orders',
      messageId,
      correlationId: messageId,
      traceId: '0'.repeat(32),
      messageAttempt: 1,
      deliveryTag: ++this.#tag,
    };
    this.facts.report({
      ...identity,
      type: 'delivered',
      at,
      queue: 'orders.placed',
      attempt: 1,
      redelivered: false,
      bytes: 2,
    });
    if (settlement === 'none yet') return;
    const failed = settlement === 'ack' ? {} : { code: 'ERR_X', reason: 'no', stage: 'handle' as const };
    this.facts.report({ ...identity, type: 'settled', at, settlement, late: false, durationMs: 3, ...failed });
  }

  story(messageId: string, deliveryTag: number): Story | undefined {
    return this.#model.story('orders', messageId, deliveryTag);
  }

  frame(): Frame {
    const { frame, cursor } = this.#model.frame(this.#cursor, true);
    this.#cursor = cursor;
    return frame;
  }
}

/** At one virtual moment, so that every fact lies in the same second. */
const at = (moment: (now: number) => void): void =>
  new TestScheduler(() => {}).run(({ cold, flush }) => {
    const now = 100_000;
    cold(`${now}ms x`).subscribe(() => moment(now));
    flush();
  });

describe('the dashboard of several workers', () => {
  const fleet = (workers: readonly Worker[]): FleetModel =>
    new FleetModel({
      payloads: 'all',
      shapes: [ordersShape],
      story: async (worker, _pipeline, id, tag) => workers[worker - 1]?.story(id, tag),
    });

  it('sums counts, rates and bounds, and says in one sentence how the whole is', () => {
    at((now) => {
      const workers = [new Worker(), new Worker()];
      const model = fleet(workers);
      workers[0]?.handle('a', now);
      workers[0]?.handle('b', now, 'deadLetter');
      workers[1]?.handle('c', now, 'deadLetter');
      workers[1]?.handle('d', now, 'none yet');
      workers.forEach((worker, index) => {
        model.take(index + 1, worker.frame());
      });
      const [view] = model.frame(undefined, true).frame.pipelines ?? [];
      expect(view?.counts).to.deep.equal({
        delivered: 4,
        acked: 1,
        retried: 0,
        deadLettered: 2,
        returned: 0,
        inFlight: 1,
      });
      expect(view?.shape).to.deep.include({ concurrency: 16, prefetch: 32 });
      expect(view?.troubles.map(({ code, count }) => [code, count])).to.deep.equal([['ERR_X', 2]]);
      expect(view?.health.sentence).to.match(/^2 of the last minute’s 3 messages were dead-lettered/);
    });
  });

  it('counts what cannot be settled over all workers', () => {
    at((now) => {
      const workers = [new Worker(), new Worker(), new Worker()];
      const model = fleet(workers);
      const reason = 'the broker refused a message for queue "orders.dead"';
      for (const worker of workers.slice(1)) {
        const about = { pipeline: 'orders', messageId: 'a', correlationId: 'a', traceId: 't', messageAttempt: 1 };
        const delayed = { ...about, deliveryTag: 1, settlement: 'deadLetter', code: 'ERR_PUBLISH_NACKED' } as const;
        worker.facts.report({ type: 'settlementDelayed', at: now, ...delayed, reason, nextDelayMs: 500 });
      }
      workers.forEach((worker, index) => {
        model.take(index + 1, worker.frame());
      });
      expect(model.frame(undefined, true).frame.pipelines?.[0]?.health.sentence).to.equal(
        `2 messages cannot be settled, their copies are not with the broker: ${reason}.`,
      );
    });
  });

  it('takes the whole for as bad as the worst connection, and for consuming while one worker is', () => {
    at((now) => {
      const workers = [new Worker(), new Worker()];
      const model = fleet(workers);
      workers[1]?.facts.report({ type: 'intakeChanged', at: now, pipeline: 'orders', state: 'paused', reason: 'x' });
      workers.forEach((worker, index) => {
        model.take(index + 1, worker.frame());
      });
      const [view] = model.frame(undefined, true).frame.pipelines ?? [];
      expect(view?.intake).to.deep.include({ state: 'consuming', prefetch: 32 });
    });
    at((now) => {
      const workers = [new Worker(), new Worker()];
      const model = fleet(workers);
      workers[1]?.facts.report({ type: 'connectionChanged', at: now, state: 'lost', reason: 'gone' });
      workers.forEach((worker, index) => {
        model.take(index + 1, worker.frame());
      });
      const { frame } = model.frame(undefined, true);
      expect(frame.worker?.broker).to.deep.equal({ state: 'lost', reason: 'gone' });
      expect(frame.pipelines?.[0]?.health.level).to.equal('broken');
    });
  });

  it('tells deliveries of the same tag apart, and asks the worker that had one for its story', async () => {
    const workers = [new Worker(), new Worker()];
    const model = fleet(workers);
    let keys: readonly string[] = [];
    let events: Frame['events'] = [];
    at((now) => {
      // The same message, delivered to one after the other: each counts its tags from 1.
      workers[0]?.handle('a', now - 2, 'deadLetter');
      workers[1]?.handle('a', now - 1);
      workers.forEach((worker, index) => {
        model.take(index + 1, worker.frame());
      });
      const { frame } = model.frame(undefined, true);
      keys = (frame.recent ?? []).map(({ key }) => key);
      ({ events } = frame);
    });
    expect(new Set(keys).size).to.equal(2);
    const tags = keys.map((key) => (JSON.parse(key) as [string, string, number])[2]);
    const drawn = new Set(events.flatMap(({ fact }) => ('deliveryTag' in fact ? [fact.deliveryTag] : [])));
    expect([...drawn]).to.have.members(tags);
    const settlements = await Promise.all(
      tags.map(async (tag) => (await model.story('orders', 'a', tag))?.settled?.settlement),
    );
    // The latest first.
    expect(settlements).to.deep.equal(['ack', 'deadLetter']);
    expect(await model.story('orders', 'a', 1)).to.equal(undefined);
  });

  it('forgets what a worker that has ended had in flight', () => {
    at((now) => {
      const workers = [new Worker(), new Worker()];
      const model = fleet(workers);
      workers.forEach((worker, index) => {
        worker.handle(`m${index}`, now, 'none yet');
        model.take(index + 1, worker.frame());
      });
      model.forget(1);
      const [view] = model.frame(undefined, true).frame.pipelines ?? [];
      expect(view?.counts.inFlight).to.equal(1);
    });
  });
});

describe('steps of several workers', () => {
  const row = (bin: number, delivered: number, inFlight: number) => {
    const values = new Array<number>(BIN.apis).fill(0);
    values[BIN.delivered] = delivered;
    values[BIN.inFlight] = inFlight;
    return { bin, values };
  };
  const read = (bins: FleetBins, from: number, to: number) =>
    bins.rows(from, to).map(({ bin, values }) => [bin, values[BIN.delivered], values[BIN.inFlight]]);
  const first = binOf(1_000_000);

  it('sums counts, and carries on the level of one that said nothing', () => {
    const bins = new FleetBins(0);
    bins.take(1, [row(first, 3, 3)]);
    bins.take(2, [row(first + 1, 2, 2), row(first + 2, 0, 1)]);
    expect(read(bins, first, first + 3)).to.deep.equal([
      [first, 3, 3],
      [first + 1, 2, 5],
      [first + 2, 0, 4],
    ]);
    expect(read(bins, first + 2, first + 3)).to.deep.equal([[first + 2, 0, 4]]);
  });

  it('replaces a step that is told again, and ends the level of a worker that is gone', () => {
    const bins = new FleetBins(0);
    bins.take(1, [row(first, 1, 1)]);
    bins.take(1, [row(first, 4, 2)]);
    bins.forget(1, first + 1);
    bins.take(2, [row(first + 2, 1, 1)]);
    expect(read(bins, first, first + 3)).to.deep.equal([
      [first, 4, 2],
      [first + 1, 0, 0],
      [first + 2, 1, 1],
    ]);
  });
});
