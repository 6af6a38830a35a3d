/** The limit: amqplib and undici by hand, an async function per message, nothing that a message could do without. */
import amqp from 'amqplib';
import { Pool } from 'undici';
import { createMeter, readJob } from './contender.ts';

const job = readJob();
const meter = createMeter(job);
const { origin, pathname } = new URL(job.apiUrl);
const pool = new Pool(origin, { connections: job.concurrency, pipelining: 1 });
const connection = await amqp.connect(job.amqpUrl);
const channel = await connection.createChannel();
await channel.prefetch(job.prefetch);

const waiting: amqp.ConsumeMessage[] = [];
let running = 0;

async function handle(message: amqp.ConsumeMessage): Promise<void> {
  const payload = JSON.parse(message.content.toString()) as unknown;
  const { statusCode, body } = await pool.request({
    method: 'POST',
    path: `${pathname}/work`,
    headers: { 'content-type': 'application/json', 'idempotency-key': String(message.properties.messageId) },
    body: JSON.stringify(payload),
  });
  const answer = await body.json();
  if (statusCode !== 200 || answer === undefined) throw new Error(`answered ${statusCode}`);
  channel.ack(message);
  meter.count();
}

function next(): void {
  for (let message = waiting.shift(); message !== undefined; message = waiting.shift()) {
    running++;
    void handle(message).then(() => {
      running--;
      if (waiting.length > 0) next();
    });
    if (running >= job.concurrency) return;
  }
}

await channel.consume(job.queue, (message) => {
  if (message === null) return;
  waiting.push(message);
  if (running < job.concurrency) next();
});
await meter.done;
await channel.close();
await connection.close();
await pool.close();
