/** The programs that benchmarks measure run where they are built to: a bundle beside the packages, not a module of this one. */
import { once } from 'node:events';
import { expect } from 'chai';
import { EXCHANGE, openPublisher, QUEUE } from '../../bench/support/bench-broker.ts';
import { buildPrograms, type Programs } from '../../bench/support/programs.ts';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';

describe('programs of the benchmarks', () => {
  const broker = createEmbeddedBroker();
  let programs: Programs;
  let amqpUrl: string;
  before(async () => {
    ({ url: amqpUrl } = await broker.start());
    programs = await buildPrograms();
  });
  after(() => broker.stop());

  const contenders = [
    'sluice',
    'sluice with metrics',
    'sluice with everything',
    'sluice with a tenth of the spans',
    'bare sluice',
    // They have to find the dashboard's page.
    'whole-job/dashboard-idle',
    'whole-job/dashboard-watched',
    'whole-job/observed',
  ];
  for (const contender of contenders)
    it(`measures ${contender}`, async () => {
      const apiServer = programs.start('whole-job/api-server');
      const publisher = await openPublisher(amqpUrl);
      try {
        const [apiUrl] = (await once(apiServer, 'message')) as [string];
        await publisher.declare();
        await publisher.fill(30);
        const counts = { warmUp: 10, messages: 20, concurrency: 4, prefetch: 8 };
        const result = await programs.run(contender, {
          kind: 'gather',
          amqpUrl,
          apiUrl,
          queue: QUEUE,
          exchange: EXCHANGE,
          ...counts,
        });
        expect(result.messagesPerSecond).to.be.above(0);
      } finally {
        apiServer.disconnect();
        await publisher.close();
      }
    });
});
