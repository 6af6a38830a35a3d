import { expect } from 'chai';
import { asyncScheduler, Subscriber } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { ConfirmWindow } from '../../../src/broker/amqp/confirm-window.ts';
import { PendingPublish } from '../../../src/broker/amqp/pending-publish.ts';
import { message } from '../../contract/broker-port.ts';

describe('ConfirmWindow', () => {
  const pendingOf = (bytes: number): PendingPublish =>
    new PendingPublish(message('queue', 'x'.repeat(bytes)), new Subscriber<never>(), () => {});

  const inVirtualTime = (body: (overdue: PendingPublish[], window: ConfirmWindow) => void): void => {
    new TestScheduler(() => {}).run(() => {
      const overdue: PendingPublish[] = [];
      const bounds = { maxUnconfirmed: 3, maxUnconfirmedBytes: 10_000, confirmTimeoutMs: 100 };
      body(overdue, new ConfirmWindow({ ...bounds, onOverdue: (pending) => overdue.push(pending) }));
    });
  };
  const at = (ms: number, act: () => void): void => void asyncScheduler.schedule(act, ms);

  it('has room for so many, and for so many bytes', () =>
    inVirtualTime((_, window) => {
      const all = [pendingOf(1), pendingOf(1), pendingOf(1)];
      for (const pending of all) {
        expect(window.hasRoomFor(pending.bytes)).to.equal(true);
        window.add(pending);
      }
      expect(window.hasRoomFor(1)).to.equal(false);
      const [first] = all;
      expect(first !== undefined && window.remove(first)).to.equal(true);
      expect(first !== undefined && window.remove(first)).to.equal(false);
      expect(window.hasRoomFor(9_000)).to.equal(true);
      expect(window.hasRoomFor(9_900)).to.equal(false);
      window.clear();
    }));

  it('lets a message go alone that is larger than all', () =>
    inVirtualTime((_, window) => {
      expect(window.hasRoomFor(1e9)).to.equal(true);
    }));

  it('F22: reports each that got no confirm in time, counted from its own sending', () =>
    inVirtualTime((overdue, window) => {
      const [early, late] = [pendingOf(1), pendingOf(1)];
      window.add(early);
      at(60, () => window.add(late));
      at(99, () => expect(overdue).to.have.length(0));
      at(101, () => expect(overdue).to.deep.equal([early]));
      at(159, () => expect(overdue).to.have.length(1));
      at(161, () => {
        expect(overdue).to.deep.equal([early, late]);
        expect(window.isEmpty).to.equal(true);
      });
    }));

  it('does not count the time of an alarm', () =>
    inVirtualTime((overdue, window) => {
      window.add(pendingOf(1));
      at(50, () => window.pause());
      at(1_000, () => window.resume());
      at(1_099, () => expect(overdue).to.have.length(0));
      at(1_101, () => expect(overdue).to.have.length(1));
    }));

  it('tells of none twice: of those that leave with the channel, while it tells of one, not at all', () => {
    const told: PendingPublish[] = [];
    new TestScheduler(() => {}).run(({ flush }) => {
      const window: ConfirmWindow = new ConfirmWindow({
        maxUnconfirmed: 3,
        maxUnconfirmedBytes: 10_000,
        confirmTimeoutMs: 100,
        onOverdue: (pending) => {
          told.push(pending);
          told.push(...window.clear());
          window.pause();
        },
      });
      const all = [pendingOf(1), pendingOf(1), pendingOf(1)];
      for (const pending of all) window.add(pending);
      flush();
      expect(told).to.deep.equal(all);
    });
  });
});
