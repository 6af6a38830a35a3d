import { expect } from 'chai';
import sinon from 'sinon';
import { createOutageLog } from '../../../src/broker/amqp/outage-log.ts';
import { createPauses } from '../../../src/broker/amqp/pauses.ts';
import { superviseConnection } from '../../../src/broker/amqp/supervise-connection.ts';
import { silentLogger } from '../../../src/log.ts';

const HOUR_MS = 3_600_000;

describe('superviseConnection', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => {
    clock = sinon.useFakeTimers();
  });
  afterEach(() => sinon.restore());

  it('F5: through an outage of an hour dials one at a time, holds one timer and no more listeners, and writes a line a minute', async () => {
    const lines: unknown[] = [];
    const outage = createOutageLog({ ...silentLogger, warn: (line) => void lines.push(line) }, () => 'amqp://h');
    const signals = new Set<AbortSignal>();
    let dialling = 0;
    let mostDialling = 0;
    let dialled = 0;
    const supervisor = superviseConnection({
      dial: async (_onBlocked, signal) => {
        dialled++;
        signals.add(signal);
        mostDialling = Math.max(mostDialling, ++dialling);
        await Promise.resolve();
        dialling--;
        throw new Error('connect ECONNREFUSED');
      },
      pauses: createPauses({}, () => 0.5),
      onFailed: outage.failed,
    });
    await clock.tickAsync(HOUR_MS);
    // Half of a ceiling of 5 s each.
    expect(dialled).to.be.within(HOUR_MS / 2_500, HOUR_MS / 2_500 + 10);
    expect(mostDialling).to.equal(1);
    expect(clock.countTimers()).to.equal(1);
    expect(signals.size).to.equal(1);
    expect(lines.length).to.be.within(59, 61);

    await supervisor.close(100);
    expect(clock.countTimers()).to.equal(0);
    const before = dialled;
    await clock.tickAsync(60_000);
    expect(dialled).to.equal(before);
  });

  it('says why the last attempt failed, and not the one before, while it waits for the next', async () => {
    const reasons = ['connect ECONNREFUSED', 'ACCESS_REFUSED - Login was refused'];
    const supervisor = superviseConnection({
      dial: () => Promise.reject(new Error(reasons.shift() ?? 'not dialled in this test')),
      pauses: createPauses({}, () => 1),
      onFailed: () => undefined,
    });
    const told: (string | undefined)[] = [];
    supervisor.status.subscribe(({ reason }) => told.push(reason));
    await clock.tickAsync(0);
    expect(told.at(-1)).to.equal('connect ECONNREFUSED');
    await clock.tickAsync(200);
    expect(told.at(-1)).to.equal('the broker refuses the credentials (ACCESS_REFUSED)');
    await supervisor.close(100);
  });
});
