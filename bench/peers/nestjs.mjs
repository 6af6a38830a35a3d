/** NestJS microservices over RabbitMQ, and axios: an event handler for the queue, as the framework documents it. */
import 'reflect-metadata';
import { Agent } from 'node:http';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, Payload, RmqContext, Transport } from '@nestjs/microservices';
import axios from 'axios';
import { createMeter, readJob } from '../whole-job/contender.ts';

const job = readJob();
const meter = createMeter(job);
const api = axios.create({
  baseURL: job.apiUrl,
  timeout: 10_000,
  httpAgent: new Agent({ keepAlive: true, maxSockets: job.concurrency * (job.kind === 'post' ? 1 : 3) }),
});

const call = async (path, key, payload) => {
  const { data } = await api.post(path, payload, { headers: { 'idempotency-key': key } });
  return data;
};

class WorkController {
  async work(payload, context) {
    const channel = context.getChannelRef();
    const message = context.getMessage();
    const id = message.properties.messageId;
    if (job.kind === 'post') {
      await call('/work', id, payload);
    } else {
      const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => call(`/${name}`, `${id}-${name}`, payload)));
      const options = { persistent: true, mandatory: true, contentType: 'application/json', messageId: id };
      await channel.publish(job.exchange, 'done', Buffer.from(JSON.stringify({ id: payload.id, a, b, c })), options);
    }
    channel.ack(message);
    meter.count(payload);
  }
}
// Decorators as the functions they are: this file is plain JavaScript.
const handler = Object.getOwnPropertyDescriptor(WorkController.prototype, 'work');
Payload()(WorkController.prototype, 'work', 0);
Ctx()(WorkController.prototype, 'work', 1);
EventPattern('work')(WorkController.prototype, 'work', handler);
Controller()(WorkController);
class WorkModule {}
Module({ controllers: [WorkController] })(WorkModule);
void RmqContext;

const app = await NestFactory.createMicroservice(WorkModule, {
  logger: ['error'],
  transport: Transport.RMQ,
  options: {
    urls: [job.amqpUrl],
    queue: job.queue,
    noAck: false,
    noAssert: true,
    prefetchCount: job.concurrency,
    queueOptions: { durable: true },
    // The messages of this benchmark are plain JSON, not Nest's envelope.
    deserializer: { deserialize: (value) => ({ pattern: 'work', data: value }) },
  },
});
await app.listen();
await meter.done;
await app.close();
process.exit();
