import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { expect } from 'chai';
import { describeWithOwnRabbitMq, describeWithRabbitMq, scriptsFolder, startPrivateRabbitMq } from './rabbitmq.ts';

describeWithRabbitMq('the shared RabbitMQ', (broker) => {
  it('accepts connections', async () => {
    const connection = await connect(broker().url);
    await connection.close();
  });
});

describe('SLUICE_TEST_RABBITMQ', () => {
  it('names the RabbitMQ to test with, and is refused where there is none', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-scripts-'));
    try {
      expect(() => scriptsFolder(folder)).to.throw(`SLUICE_TEST_RABBITMQ: no rabbitmq-server in ${folder}`);
      writeFileSync(join(folder, 'rabbitmq-server'), '#!/bin/sh\n', { mode: 0o755 });
      expect(scriptsFolder(folder)).to.equal(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describeWithOwnRabbitMq('a private RabbitMQ', () => {
  it('comes back after a kill with its durable queues, and is gone after stop', async () => {
    const broker = await startPrivateRabbitMq();
    try {
      const first = await connect(broker.url);
      first.on('error', () => {});
      const channel = await first.createChannel();
      await channel.assertQueue('kept', { durable: true });
      // Which queues there are it writes down when it has the time: a kill may come before.
      await broker.control('eval', 'mnesia:sync_log().');
      await broker.kill();
      await broker.restart();
      const second = await connect(broker.url);
      await (await second.createChannel()).checkQueue('kept');
      await second.close();
      expect(await broker.control('list_queues', 'name')).to.contain('kept');
    } finally {
      await broker.stop();
    }
    const refusal = await connect(broker.url).then(
      () => 'accepted',
      (error: Error) => error.message,
    );
    expect(refusal).to.not.equal('accepted');
  });
});
