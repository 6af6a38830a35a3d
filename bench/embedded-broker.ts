/**
 * Publish + confirm + deliver + ack through amqplib: the embedded broker beside a private RabbitMQ, interleaved, as a ratio.
 * Run: `node --import tsx --conditions=sluice-source bench/embedded-broker.ts [messages] [rounds]`.
 * Once as amqplib connects by default (its socket gathers small writes), once with `noDelay`. Each broker is a process of its own; RabbitMQ runs as the tests start it, or is the one of SLUICE_TEST_AMQP_URL.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import amqp from 'amqplib';
import { createEmbeddedBroker } from '../src/broker/embedded/embedded-broker.ts';
import { startRabbitMq } from '../test/support/rabbitmq.ts';

const IN_FLIGHT = 200;
const BODY = Buffer.alloc(200, 'x');

/** Messages per second through all four steps. */
async function rate(url: string, messages: number, noDelay: boolean): Promise<number> {
  const connection = await amqp.connect(url, { noDelay });
  const consuming = await connection.createChannel();
  const publishing = await connection.createConfirmChannel();
  const { queue } = await consuming.assertQueue('', { exclusive: true });
  await consuming.prefetch(IN_FLIGHT);

  const startedMs = performance.now();
  await new Promise<void>((resolve) => {
    let sent = 0;
    let settled = 0;
    let confirmed = 0;
    const finish = (): void => {
      if (settled === messages && confirmed === messages) resolve();
    };
    const publish = (): void => {
      while (sent - confirmed < IN_FLIGHT && sent < messages) {
        sent++;
        publishing.sendToQueue(queue, BODY, { persistent: true }, () => {
          confirmed++;
          publish();
          finish();
        });
      }
    };
    const consumed = consuming.consume(queue, (message) => {
      if (message === null) return;
      consuming.ack(message);
      settled++;
      finish();
    });
    void consumed.then(publish);
  });
  const elapsedS = (performance.now() - startedMs) / 1000;
  await connection.close();
  return messages / elapsedS;
}

const median = (values: readonly number[]): number =>
  [...values].sort((one, other) => one - other)[values.length >> 1] ?? 0;

async function compare(messages: number, rounds: number): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), ['serve'], { execArgv: process.execArgv });
  const embeddedUrl = await new Promise<string>((resolve) => child.once('message', (url) => resolve(String(url))));
  const rabbitMq = await startRabbitMq();
  try {
    for (const url of [embeddedUrl, rabbitMq.url]) await rate(url, Math.min(messages, 2_000), true);
    for (const noDelay of [false, true]) {
      console.log(noDelay ? 'with noDelay' : 'as amqplib connects by default');
      const rates: { embedded: number; rabbitMq: number }[] = [];
      for (let round = 1; round <= rounds; round++) {
        const embedded = await rate(embeddedUrl, messages, noDelay);
        rates.push({ embedded, rabbitMq: await rate(rabbitMq.url, messages, noDelay) });
      }
      const embedded = median(rates.map((each) => each.embedded));
      const real = median(rates.map((each) => each.rabbitMq));
      const ratios = rates.map((each) => each.embedded / each.rabbitMq);
      const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
      console.log(
        `  median of ${rounds}: embedded ${Math.round(embedded)}/s, RabbitMQ ${Math.round(real)}/s, ratio ${median(ratios).toFixed(2)} (${spread})`,
      );
    }
  } finally {
    child.kill();
    await rabbitMq.stop();
  }
}

if (process.argv[2] === 'serve') {
  const { url } = await createEmbeddedBroker().start();
  process.send?.(url);
  process.once('disconnect', () => process.exit(0));
} else {
  await compare(Number(process.argv[2] ?? 20_000), Number(process.argv[3] ?? 5));
}
