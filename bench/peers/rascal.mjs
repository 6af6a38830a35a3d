/** rascal and axios: a broker configured by vhosts, subscriptions and publications. */
import { Agent } from 'node:http';
import axios from 'axios';
import rascal from 'rascal';
import { createMeter, readJob } from '../whole-job/contender.ts';

const job = readJob();
const meter = createMeter(job);
const api = axios.create({
  baseURL: job.apiUrl,
  timeout: 10_000,
  httpAgent: new Agent({ keepAlive: true, maxSockets: job.concurrency * (job.kind === 'post' ? 1 : 3) }),
});
const broker = await rascal.BrokerAsPromised.create({
  vhosts: {
    '/': {
      connection: job.amqpUrl,
      queues: { [job.queue]: { assert: false, check: true } },
      exchanges: { [job.exchange]: { assert: false, check: true } },
      subscriptions: { work: { queue: job.queue, prefetch: job.concurrency, contentType: 'application/json' } },
      publications: { results: { exchange: job.exchange, routingKey: 'done', confirm: true } },
    },
  },
});
broker.on('error', (error) => console.error(error.message));

const call = async (path, key, payload) => {
  const { data } = await api.post(path, payload, { headers: { 'idempotency-key': key } });
  return data;
};

const publish = async (id, result) => {
  const publication = await broker.publish('results', result, { options: { messageId: id, persistent: true } });
  await new Promise((resolve, reject) => publication.on('success', resolve).on('error', reject).on('return', reject));
};

async function handle(message, payload) {
  const id = message.properties.messageId;
  if (job.kind === 'post') {
    await call('/work', id, payload);
  } else {
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => call(`/${name}`, `${id}-${name}`, payload)));
    await publish(id, { id: payload.id, a, b, c });
  }
}

const subscription = await broker.subscribe('work');
subscription
  .on('message', (message, payload, ackOrNack) => {
    handle(message, payload).then(
      () => {
        ackOrNack();
        meter.count(payload);
      },
      (error) => ackOrNack(error),
    );
  })
  .on('error', (error) => console.error(error.message));
await meter.done;
await broker.shutdown();
process.exit();
