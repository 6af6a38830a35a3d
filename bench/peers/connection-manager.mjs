/** amqp-connection-manager, axios and p-limit: reconnects by itself, the rest by hand. */
import { Agent } from 'node:http';
import amqp from 'amqp-connection-manager';
import axios from 'axios';
import pLimit from 'p-limit';
import { createMeter, readJob } from '../whole-job/contender.ts';

const job = readJob();
const meter = createMeter(job);
const limit = pLimit(job.concurrency);
const api = axios.create({
  baseURL: job.apiUrl,
  timeout: 10_000,
  httpAgent: new Agent({ keepAlive: true, maxSockets: job.concurrency * (job.kind === 'post' ? 1 : 3) }),
});
const connection = amqp.connect([job.amqpUrl]);
const results = connection.createChannel({ confirm: true });
const channel = connection.createChannel({ confirm: false });

const call = async (path, key, payload) => {
  const { data } = await api.post(path, payload, { headers: { 'idempotency-key': key } });
  return data;
};

async function handle(message) {
  const payload = JSON.parse(message.content.toString());
  const id = message.properties.messageId;
  if (job.kind === 'post') {
    await call('/work', id, payload);
  } else {
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => call(`/${name}`, `${id}-${name}`, payload)));
    const options = { persistent: true, mandatory: true, contentType: 'application/json', messageId: id };
    await results.publish(job.exchange, 'done', Buffer.from(JSON.stringify({ id: payload.id, a, b, c })), options);
  }
  channel.ack(message);
  meter.count(payload);
}

await channel.consume(job.queue, (message) => void limit(() => handle(message)), { prefetch: job.prefetch });
await meter.done;
await channel.close();
await results.close();
await connection.close();
