import { expect } from 'chai';
import { of } from 'rxjs';
import { z } from 'zod';
import { partitioned } from '../../../src/broker/partitioned.ts';
import { type QueueOptions, type QueueSource, queue } from '../../../src/broker/queue.ts';
import { findingsOfDefinition } from '../../../src/cli/doctor/definition-rules.ts';
import { definePipeline } from '../../../src/pipeline/define-pipeline.ts';
import type { Duration } from '../../../src/policies/duration.ts';

const HALF_AN_HOUR = 1_800_000;

interface Options {
  readonly concurrency?: number;
  readonly timeout?: Duration;
  readonly order?: 'arrival' | { readonly by: () => string };
  readonly maxMessageBytes?: number;
}

describe('what the numbers of a pipeline mean together', () => {
  const told = (source: QueueOptions, options: Options = {}): readonly string[] =>
    toldOf(queue('orders', source), options);
  const toldOf = (source: QueueSource, options: Options = {}): readonly string[] => {
    const pipeline = definePipeline({
      name: 'orders',
      source,
      input: z.unknown(),
      handle: () => of(),
      ...options,
    });
    return findingsOfDefinition(pipeline, HALF_AN_HOUR).map(
      ({ severity, check, finding }) => `${severity} ${check}: ${finding}`,
    );
  };

  it('is nothing to speak of with the defaults', () => {
    expect(told({})).to.deep.equal([]);
  });

  it('is a warning where fewer handings-over than tries are planned, or the queue is classic', () => {
    expect(told({ deliveryLimit: 3 })).to.deep.equal([
      'warning delivery-limit: is handed over 3 times at most, and 4 tries are planned: restarts and lost connections could dead-letter a message that was never tried',
    ]);
    expect(told({ deliveryLimit: 4 })).to.deep.equal([]);
    expect(told({ type: 'classic' })[0]).to.match(/^warning queue-type: works on a classic queue/);
  });

  it('is a warning where the broker would take back what the worker gives back no sooner', () => {
    expect(told({ settleWithin: '28m' })).to.deep.equal([]);
    expect(told({ settleWithin: '29m' })).to.deep.equal([
      'warning consumer-timeout: what is unsettled is given back after settleWithin, 29m, noticed up to a twentieth later; the broker takes back all that is out with it after 30m',
    ]);
  });

  it('is a warning where a message may wait longer than it may stay unsettled', () => {
    expect(told({ prefetch: 500 }, { timeout: '5m', concurrency: 128 })).to.deep.equal([]);
    expect(told({ prefetch: 200 }, { timeout: '10m', concurrency: 50 })).to.deep.equal([
      'warning settle-within: a message may wait for 40m: prefetch 200 over 50 slots, 10m each; after settleWithin, 25m, it is given back and waits anew',
    ]);
    expect(told({ prefetch: 10 }, { timeout: '5m', order: 'arrival' })[0]).to.include('prefetch 10 over one slot');
    expect(told({}, { order: 'arrival' })).to.deep.equal([]);
  });

  it('is a note where it may in the worst case of keys', () => {
    expect(told({}, { order: { by: () => 'a' } })).to.deep.equal([
      'note settle-within: if all 128 deliveries have one key, the last may wait for 640m; after settleWithin, 25m, it is given back and waits anew',
    ]);
  });

  it('is a note where one worker alone may in all partitions, by the default prefetch, and a warning by one that was chosen', () => {
    const partitions = (prefetch?: number): readonly string[] =>
      toldOf(partitioned('orders', { by: 'id', ...(prefetch === undefined ? {} : { prefetch }) }));
    expect(partitions()).to.deep.equal([
      'note settle-within: a worker that has all 16 partitions may keep a message for 40m: prefetch 512 over 64 slots, 5m each; after settleWithin, 25m, it is given back, with what came after it in its partition',
    ]);
    expect(partitions(100)[0]).to.match(/^warning settle-within: a message may wait for 125m: prefetch 1600 /);
  });

  it('is a warning where a prefetch takes messages from other workers, and a note where it may take much memory', () => {
    expect(told({ prefetch: 100 }, { concurrency: 20, timeout: '1m' })).to.deep.equal([
      'warning prefetch: prefetch 100 is 5 times the concurrency, 20: messages wait in one worker while others may have none',
    ]);
    expect(told({}, { maxMessageBytes: 16 * 2 ** 20 })).to.deep.equal([
      'note prefetch: may hold 2048 MiB of bodies: prefetch 128 times maxMessageBytes',
    ]);
  });
});
