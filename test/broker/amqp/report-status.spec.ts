import { expect } from 'chai';
import { Subject } from 'rxjs';
import { createOutageLog } from '../../../src/broker/amqp/outage-log.ts';
import { reportStatus } from '../../../src/broker/amqp/report-status.ts';
import type { BrokerStatus } from '../../../src/broker/broker.ts';
import { silentLogger } from '../../../src/log.ts';

describe('what the log says of the broker', () => {
  const told = (...states: readonly BrokerStatus[]): readonly string[] => {
    const lines: string[] = [];
    const say =
      (level: string) =>
      (...[fields, text]: readonly [string] | readonly [object, string]): void => {
        const reason = typeof fields === 'object' && 'reason' in fields ? `: ${String(fields.reason)}` : '';
        lines.push(`${level} ${text}${reason}`);
      };
    const log = { ...silentLogger, warn: say('warn'), info: say('info') };
    const status = new Subject<BrokerStatus>();
    reportStatus(
      status,
      createOutageLog(log, () => 'amqp://broker'),
      undefined,
    );
    for (const state of states) status.next(state);
    return lines;
  };

  it('is one line for the first connection', () => {
    expect(told({ state: 'connecting' }, { state: 'connected' })).to.deep.equal(['info connected to the broker']);
  });

  it('is one line at each end of a time without publishing, with the reason the broker gives', () => {
    const blocked: BrokerStatus = { state: 'blocked', reason: 'low on memory' };
    expect(
      told({ state: 'connected' }, blocked, blocked, { state: 'connected' }, { state: 'connected' }),
    ).to.deep.equal([
      'info connected to the broker',
      'warn the broker takes no messages, publishing waits: low on memory',
      'info the broker takes messages again',
    ]);
  });
});
