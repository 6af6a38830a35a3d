/** The stream to a browser: nothing is made for one that does not read. */
import { expect } from 'chai';
import { asyncScheduler, NEVER, Subject } from 'rxjs';
import { eventStream } from '../../src/dashboard/event-stream.ts';
import { DashboardModel } from '../../src/dashboard/model.ts';
import type { Frame } from '../../src/dashboard/wire.ts';

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
