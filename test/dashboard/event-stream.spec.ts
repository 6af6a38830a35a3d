/** The stream to a browser: nothing is made for one that does not read. */
import { expect } from 'chai';
import fc from 'fast-check';
import { asyncScheduler, NEVER, Subject } from 'rxjs';
import { eventStream } from '../../src/dashboard/event-stream.ts';
import { type Cursor, DashboardModel } from '../../src/dashboard/model.ts';
import { Groups } from '../../src/dashboard/page/journey-groups.ts';
import type { Frame } from '../../src/dashboard/wire.ts';
import { createFacts, type Facts } from '../../src/events.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { ordersShape } from './orders-shape.ts';

/** A model that counts what is asked of it. */
class CountingModel extends DashboardModel {
  frames = 0;

  override frame(...args: Parameters<DashboardModel['frame']>): ReturnType<DashboardModel['frame']> {
    this.frames++;
    return super.frame(...args);
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => asyncScheduler.schedule(() => resolve(), ms));
const frameOf = (text: string): Frame => JSON.parse(text.split('data: ')[1] ?? '') as Frame;

/** Each call tells one more fact of some message: the next it may tell. */
function life(facts: Facts, random: () => number): () => void {
  const under: { readonly identity: ReturnType<typeof identityOf>; call: number }[] = [];
  let tag = 0;
  const identityOf = (messageId: string, deliveryTag: number) => ({
    pipeline: 'orders',
    messageId,
    correlationId: messageId,
    traceId: '0'.repeat(32),
    messageAttempt: 1,
    deliveryTag,
  });
  return () => {
    const at = asyncScheduler.now();
    const place = Math.floor(random() * (under.length + 1));
    const one = under[place];
    if (one === undefined) {
      // Some come again: the same message, under another tag.
      const identity = identityOf(`m${Math.floor(random() * 20)}`, ++tag);
      under.push({ identity, call: 0 });
      const delivered = { queue: 'orders.placed', attempt: 1, redelivered: false, bytes: 2 };
      facts.report({ ...identity, ...delivered, type: 'delivered', at });
      return;
    }
    const { identity } = one;
    const call = { ...identity, api: 'bank', operation: 'POST /pay', callId: tag * 100 + one.call, attempt: 1, at };
    const what = random();
    if (what < 0.4) {
      one.call++;
      facts.report({ ...call, type: 'callStarted', callId: identity.deliveryTag * 100 + one.call });
    } else if (what < 0.6) {
      const destination = { exchange: 'shop', routingKey: 'paid' };
      facts.report({ ...identity, ...destination, type: 'published', at, confirmedMs: 1 });
    } else {
      under.splice(place, 1);
      facts.report({ ...identity, type: 'settled', at, settlement: 'ack', late: false, durationMs: 3 });
    }
  };
}

/** A browser, and the worker's end of its stream: each knows where it is by itself, until the browser comes back and says it. */
class Browser {
  readonly #model: DashboardModel;
  readonly #groups = new Groups();
  #sent: Cursor | undefined;
  #seen: Cursor | undefined;

  constructor(model: DashboardModel) {
    this.#model = model;
  }

  read(isLost: boolean): void {
    const { frame, cursor } = this.#model.frame(this.#sent, false);
    this.#sent = cursor;
    if (isLost) return;
    this.#seen = cursor;
    if (frame.isFresh) this.#groups.clear();
    for (const drawn of frame.events) this.#groups.add(drawn);
  }

  comeBack(): void {
    this.#sent = this.#seen;
  }

  shown(): unknown {
    return this.#groups.of('orders', 0, Number.POSITIVE_INFINITY);
  }
}

describe('the event stream', () => {
  it('makes no frame while the browser does not take one, and then one that says it all', async () => {
    const model = new CountingModel([]);
    const stream = eventStream(model, NEVER);
    const first = await stream.next();
    expect(frameOf(first.value ?? '').isFresh).to.equal(true);
    expect(model.frames).to.equal(1);
    // Ten ticks pass, and nobody reads.
    await pause(2_100);
    expect(model.frames).to.equal(1);
    await stream.next();
    expect(model.frames).to.equal(2);
    // The ticks it has missed are not made up for.
    const next = stream.next();
    await pause(20);
    expect(model.frames).to.be.at.most(3);
    await next;
    await stream.return();
  });

  it('goes on where a browser was that comes back, and begins anew for what is no place', async () => {
    const model = new DashboardModel([]);
    const stream = eventStream(model, NEVER);
    const { value = '' } = await stream.next();
    await stream.return();
    const [, id = ''] = /^id: (.*)\n/.exec(value) ?? [];
    for (const [lastEventId, isFresh] of [
      [id, false],
      ['', true],
      ['1.1', true],
      ['99999999999999999999.1', true],
      ['__proto__', true],
    ] as const) {
      const again = eventStream(model, NEVER, lastEventId);
      expect(frameOf((await again.next()).value ?? '').isFresh, lastEventId).to.equal(isFresh);
      await again.return();
    }
  });

  it('shows a browser that was cut off and comes back each message once, with each of its calls: what one sees that never was', () => {
    const cuts = fc.array(fc.record({ facts: fc.nat({ max: 12 }), isCut: fc.boolean(), isLost: fc.boolean() }), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(cuts, fc.integer(), (turns, seed) => {
        const model = new DashboardModel([]);
        model.show([ordersShape]);
        const facts = createFacts();
        const listening = model.listen(facts);
        const next = life(facts, seededRandom(seed));
        const [steady, other] = [new Browser(model), new Browser(model)];
        for (const { facts: count, isCut, isLost } of [...turns, { facts: 0, isCut: false, isLost: false }]) {
          for (let n = 0; n < count; n++) next();
          steady.read(false);
          // What was sent last may not have arrived, and nobody knows.
          other.read(isCut && isLost);
          if (isCut) other.comeBack();
        }
        expect(other.shown()).to.deep.equal(steady.shown());
        listening.unsubscribe();
      }),
      { numRuns: 300 },
    );
  });

  it('ends when the browser has gone', async () => {
    const gone = new Subject<void>();
    const stream = eventStream(new DashboardModel([]), gone);
    await stream.next();
    const next = stream.next();
    gone.next();
    // The tick that was there before may still be told.
    const ended = (await next).done === true || (await stream.next()).done === true;
    expect(ended).to.equal(true);
  });
});
