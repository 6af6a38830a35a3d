import { expect } from 'chai';
import { asyncScheduler } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { createAsking } from '../../../src/broker/amqp/asking.ts';
import { createOutageLog } from '../../../src/broker/amqp/outage-log.ts';
import { createPauses } from '../../../src/broker/amqp/pauses.ts';
import { type Log, silentLogger } from '../../../src/log.ts';

const inVirtualTime = (body: (at: (ms: number, act: () => void) => void) => void): void => {
  new TestScheduler(() => {}).run(() => body((ms, act) => void asyncScheduler.schedule(act, ms)));
};

describe('createPauses', () => {
  it('doubles the ceiling up to the maximum, and draws under it', () => {
    const highest = createPauses({ initialMs: 100, maxMs: 500 }, () => 1);
    expect([1, 2, 3, 4, 5].map(() => highest.next())).to.deep.equal([100, 200, 400, 500, 500]);
    const half = createPauses({ initialMs: 100, maxMs: 500 }, () => 0.5);
    expect([1, 2].map(() => half.next())).to.deep.equal([50, 100]);
  });

  it('F5: never exceeds 5 s by default, so that an outage of any length ends that soon', () => {
    const pauses = createPauses({}, () => 1);
    expect(Math.max(...Array.from({ length: 1_000 }, () => pauses.next()))).to.equal(5_000);
  });

  it('starts anew after a time of health, not after a success that does not last', () =>
    inVirtualTime((at) => {
      const pauses = createPauses({ initialMs: 100, maxMs: 10_000 }, () => 1);
      const drawn = [pauses.next(), pauses.next()];
      pauses.succeeded();
      at(4_999, () => {
        drawn.push(pauses.next());
        pauses.succeeded();
      });
      at(9_999, () => {
        drawn.push(pauses.next());
        expect(drawn).to.deep.equal([100, 200, 400, 100]);
      });
    }));
});

describe('createOutageLog', () => {
  const record = () => {
    const lines: string[] = [];
    const keep =
      (level: string): Log =>
      (fields: object | string) =>
        void lines.push(`${level} ${typeof fields === 'object' && 'reason' in fields ? fields.reason : '-'}`);
    const log = { ...silentLogger, warn: keep('warn'), info: keep('info') };
    return { lines, outage: createOutageLog(log, () => 'amqp://h') };
  };

  it('writes one line for each reason of an outage, and one when it is over', () => {
    const { lines, outage } = record();
    outage.recovered();
    for (const reason of ['reset', 'refused', 'reset', 'refused', 'refused']) outage.failed(reason);
    outage.recovered();
    outage.failed('reset');
    expect(lines).to.deep.equal(['info -', 'warn reset', 'warn refused', 'info -', 'warn reset']);
  });

  it('F5: writes one line a minute while it lasts', () =>
    inVirtualTime((at) => {
      const { lines, outage } = record();
      for (let ms = 0; ms <= 600_000; ms += 500) at(ms, () => outage.failed('refused'));
      at(600_001, () => expect(lines).to.have.length(11));
    }));
});

describe('createAsking', () => {
  const never = new Promise<never>(() => {});

  it('F16: gives up on an answer that does not come, naming what was asked', async () => {
    const { ask } = createAsking(10, () => {});
    const refusal = await ask(never, 'queue.declare').catch((error: unknown) => error);
    expect(refusal)
      .to.include({ code: 'ERR_BROKER_UNAVAILABLE' })
      .and.property('message')
      .contains('queue.declare within 10 ms');
  });

  it('F16: gives the connection up after three in a row', async () => {
    const reasons: string[] = [];
    const { ask } = createAsking(5, (reason) => reasons.push(reason));
    const ignore = (): void => {};
    await ask(never, 'one').catch(ignore);
    await ask(never, 'two').catch(ignore);
    await ask(Promise.resolve(1), 'answered');
    await ask(never, 'one').catch(ignore);
    await ask(never, 'two').catch(ignore);
    expect(reasons).to.deep.equal([]);
    await ask(never, 'three').catch(ignore);
    expect(reasons).to.have.length(1);
  });

  it('fails what waits when the connection ends, and hands on what is answered too late', async () => {
    const asking = createAsking(10_000, () => {});
    let answer = (_value: string): void => {};
    const late: string[] = [];
    const promised = new Promise<string>((resolve) => {
      answer = resolve;
    });
    const refusal = asking
      .ask(promised, 'channel.open', (value) => late.push(value))
      .catch((error: Error) => error.message);
    asking.end('gone');
    expect(await refusal).to.equal('gone');
    answer('channel');
    await promised;
    expect(late).to.deep.equal(['channel']);
  });
});
