/** The limit: amqplib and undici by hand, an async function per message, nothing that a message could do without. */
import amqp from 'amqplib';
import { Pool } from 'undici';
import { createMeter, type JobMessage, readJob } from './contender.ts';

const job = readJob();
const meter = createMeter(job);
const { origin, pathname } = new URL(job.apiUrl);
const pool = new Pool(origin, { connections: job.concurrency * (job.kind === 'post' ? 1 : 3), pipelining: 1 });
const connection = await amqp.connect(job.amqpUrl);
const channel = await connection.createChannel();
const results = await connection.createConfirmChannel();
await channel.prefetch(job.prefetch);

const waiting: amqp.ConsumeMessage[] = [];
let running = 0;

async function call(path: string, key: string, payload: unknown): Promise<unknown> {
  const { statusCode, body } = await pool.request({
    method: 'POST',
    path: pathname + path,
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify(payload),
  });
  const answer = await body.json();
  if (statusCode !== 200 || answer === undefined) throw new Error(`answered ${statusCode}`);
  return answer;
}

const publish = (id: string, result: unknown): Promise<void> =>
  new Promise((resolve, reject) => {
    const options = { persistent: true, mandatory: true, contentType: 'application/json', messageId: id };
    results.publish(job.exchange, 'done', Buffer.from(JSON.stringify(result)), options, (error: unknown) => {
      if (error) reject(error as Error);
      else resolve();
    });
  });

async function handle(message: amqp.ConsumeMessage): Promise<void> {
  const payload = JSON.parse(message.content.toString()) as JobMessage;
  const id = String(message.properties.messageId);
  if (job.kind === 'post') {
    await call('/work', id, payload);
  } else {
    const [a, b, c] = await Promise.all([
      call('/a', `${id}-a`, payload),
      call('/b', `${id}-b`, payload),
      call('/c', `${id}-c`, payload),
    ]);
    await publish(id, { id: payload.id, a, b, c });
  }
  channel.ack(message);
  meter.count(payload);
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
