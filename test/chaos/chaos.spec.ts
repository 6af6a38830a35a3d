/**
 * A short chaos run as a test: one seed, 20 s of faults on a real RabbitMQ and two real workers. Long ones are by command: `npm run chaos`.
 * Nothing in it depends on how fast the machine is: it waits for events, and its laws know no times.
 */
import { expect } from 'chai';
import { describeWithOwnRabbitMq } from '../support/rabbitmq.ts';
import type { FaultKind } from './plan.ts';
import { runChaos } from './run-chaos.ts';

/** Those that need no command of the broker's, which takes a busy machine long. With one in 1.4 s each has its turn. */
const kinds: readonly FaultKind[] = [
  'worker-kill',
  'worker-stop',
  'broker-kill',
  'line-cut',
  'line-freeze',
  'api-trouble',
];

describeWithOwnRabbitMq('chaos', () => {
  it('loses nothing, repeats no effect and leaves nothing behind while workers, broker, line and APIs fail', async function chaos() {
    this.timeout(420_000);
    const told: string[] = [];
    const report = await runChaos({
      seed: 1,
      forMs: 20_000,
      everyMs: 1_400,
      rate: 30,
      kinds,
      signal: new AbortController().signal,
      say: (line) => told.push(line),
    });
    expect(report.findings, told.join('\n')).to.deep.equal([]);
    expect(report.faults).to.be.at.least(14);
    expect(report.confirmed).to.be.at.least(20);
    expect(report.results + report.deadLetters).to.be.at.least(report.confirmed);
    expect(report.lostConnections).to.be.at.least(2);
  });
});
