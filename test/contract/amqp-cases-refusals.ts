/** AMQP cases: what the broker refuses, with which code and text, and whether the channel or the connection ends with it. */
import type { ConfirmChannel, GetMessage, Options } from 'amqplib';
import type { AmqpCase } from './amqp-cases.ts';
import type { Tools } from './amqp-tools.ts';

type Attempt = (channel: ConfirmChannel, tools: Tools) => unknown;

const refused = (
  title: string,
  attempt: Attempt,
  scope: 'channel' | 'connection' | 'none',
  text: string,
): AmqpCase => ({
  title,
  run: (_connection, tools) => tools.refusal((channel) => attempt(channel, tools)),
  expected: { scope, text },
});

const onChannel = (title: string, attempt: Attempt, text: string): AmqpCase => refused(title, attempt, 'channel', text);
const onConnection = (title: string, attempt: Attempt, text: string): AmqpCase =>
  refused(title, attempt, 'connection', text);
const allowed = (title: string, attempt: Attempt): AmqpCase => refused(title, attempt, 'none', '');

const tagged = (deliveryTag: number): GetMessage => ({ fields: { deliveryTag } }) as unknown as GetMessage;

/** Declares a queue, then again otherwise. */
const redeclared =
  (first: Options.AssertQueue, second: Options.AssertQueue): Attempt =>
  async (channel, tools) => {
    const queue = await tools.queue(channel, first);
    await channel.assertQueue(queue, { durable: true, ...second });
  };

const withArguments =
  (args: Record<string, unknown>): Attempt =>
  (channel, tools) =>
    tools.queue(channel, { arguments: args });

const precondition = (text: string): string => `406 PRECONDITION_FAILED - ${text}`;
const invalid = (argument: string, complaint: string): string =>
  precondition(`invalid arg '${argument}' for queue '<1>' in vhost '/': ${complaint}`);
const inequivalent = (argument: string, rest: string): string =>
  precondition(`inequivalent arg '${argument}' for queue '<1>' in vhost '/': ${rest}`);

const publishing =
  (options: Options.Publish): Attempt =>
  async (channel, tools) => {
    channel.sendToQueue(await tools.queue(channel), Buffer.from('x'), options);
  };

const NO_DEFAULT = '403 ACCESS_REFUSED - operation not permitted on the default exchange';

export const refusalCases: readonly AmqpCase[] = [
  onChannel(
    'a queue that is not there',
    (channel) => channel.checkQueue('nowhere'),
    `404 NOT_FOUND - no queue 'nowhere' in vhost '/'`,
  ),
  onChannel(
    'consuming from a queue that is not there',
    (channel) => channel.consume('nowhere', () => {}),
    `404 NOT_FOUND - no queue 'nowhere' in vhost '/'`,
  ),
  onChannel(
    'consuming by no name before a declaration',
    (channel) => channel.consume('', () => {}),
    '404 NOT_FOUND - no previously declared queue',
  ),
  onChannel(
    'an exchange that is not there',
    (channel) => channel.checkExchange('nowhere'),
    `404 NOT_FOUND - no exchange 'nowhere' in vhost '/'`,
  ),
  onChannel(
    'publishing to an exchange that is not there',
    (channel) => channel.publish('nowhere', 'k', Buffer.from('x')),
    `404 NOT_FOUND - no exchange 'nowhere' in vhost '/'`,
  ),
  onChannel(
    'binding to an exchange that is not there',
    async (channel, tools) => channel.bindQueue(await tools.queue(channel), 'nowhere', 'k'),
    `404 NOT_FOUND - no exchange 'nowhere' in vhost '/'`,
  ),
  onChannel(
    'binding a queue that is not there',
    (channel) => channel.bindQueue('nowhere', 'amq.direct', 'k'),
    `404 NOT_FOUND - no queue 'nowhere' in vhost '/'`,
  ),
  onChannel(
    'binding to the default exchange',
    async (channel, tools) => channel.bindQueue(await tools.queue(channel), '', 'k'),
    NO_DEFAULT,
  ),
  onChannel('declaring the default exchange', (channel) => channel.assertExchange('', 'direct'), NO_DEFAULT),
  onChannel('deleting the default exchange', (channel) => channel.deleteExchange(''), NO_DEFAULT),
  onChannel(
    'a reserved queue name',
    (channel) => channel.assertQueue('amq.mine'),
    `403 ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'`,
  ),
  onChannel(
    'a reserved exchange name',
    (channel) => channel.assertExchange('amq.mine', 'direct'),
    `403 ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'`,
  ),
  onChannel(
    'deleting an exchange of the system',
    (channel) => channel.deleteExchange('amq.direct'),
    `403 ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed`,
  ),
  onChannel(
    'publishing to an internal exchange',
    async (channel, tools) =>
      channel.publish(await tools.exchange(channel, 'direct', { internal: true }), 'k', Buffer.from('x')),
    `403 ACCESS_REFUSED - cannot publish to internal exchange '<1>' in vhost '/'`,
  ),
  onChannel(
    'an exchange type nobody knows',
    (channel) => channel.assertExchange('any', 'strange'),
    precondition(`unknown exchange type 'strange'`),
  ),
  onChannel(
    'an exchange of another type',
    async (channel, tools) => channel.assertExchange(await tools.exchange(channel, 'direct'), 'topic'),
    precondition(`inequivalent arg 'type' for exchange '<1>' in vhost '/': received 'topic' but current is 'direct'`),
  ),
  onChannel(
    'an exchange of another durability',
    async (channel, tools) =>
      channel.assertExchange(await tools.exchange(channel, 'direct'), 'direct', { durable: false }),
    precondition(`inequivalent arg 'durable' for exchange '<1>' in vhost '/': received 'false' but current is 'true'`),
  ),
  onChannel(
    'an exchange of another alternate',
    async (channel, tools) =>
      channel.assertExchange(await tools.exchange(channel, 'direct'), 'direct', { alternateExchange: 'a' }),
    precondition(
      `inequivalent arg 'alternate-exchange' for exchange '<1>' in vhost '/': received the value 'a' of type 'longstr' but current is none`,
    ),
  ),
  onChannel(
    'deleting an exchange in use, if it must not be',
    async (channel, tools) => {
      const exchange = await tools.exchange(channel, 'direct');
      await channel.bindQueue(await tools.queue(channel), exchange, 'k');
      await channel.deleteExchange(exchange, { ifUnused: true });
    },
    precondition(`exchange '<1>' in vhost '/' in use`),
  ),
  onChannel(
    'a queue of another durability',
    redeclared({}, { durable: false }),
    inequivalent('durable', `received 'false' but current is 'true'`),
  ),
  onChannel(
    'a queue that is to auto-delete now',
    redeclared({}, { autoDelete: true }),
    inequivalent('auto_delete', `received 'true' but current is 'false'`),
  ),
  onChannel(
    'a queue with a new argument',
    redeclared({}, { maxLength: 5 }),
    inequivalent('x-max-length', `received the value '5' of type 'byte' but current is none`),
  ),
  onChannel(
    'a queue without its argument',
    redeclared({ messageTtl: 70_000 }, {}),
    inequivalent('x-message-ttl', `received none but current is the value '70000' of type 'signedint'`),
  ),
  onChannel(
    'a queue with another value',
    redeclared({ deadLetterExchange: 'a' }, { deadLetterExchange: 'b' }),
    inequivalent('x-dead-letter-exchange', `received 'b' but current is 'a'`),
  ),
  onChannel(
    'a queue of another type',
    redeclared({}, { arguments: { 'x-queue-type': 'quorum' } }),
    inequivalent('x-queue-type', `received 'quorum' but current is 'classic'`),
  ),
  onChannel(
    'a queue without its type',
    redeclared({ arguments: { 'x-queue-type': 'quorum' } }, {}),
    inequivalent('x-queue-type', `received 'classic' but current is 'quorum'`),
  ),
  allowed('not a queue that says it is classic', redeclared({}, { arguments: { 'x-queue-type': 'classic' } })),
  allowed('not an argument nobody knows', redeclared({ arguments: { 'x-mine': 1 } }, {})),
  allowed(
    'not the same number in another integer type',
    redeclared({ arguments: { 'x-max-length': { '!': 'int64', value: 5 } } }, { maxLength: 5 }),
  ),
  onChannel(
    'a negative time to live',
    withArguments({ 'x-message-ttl': -1 }),
    invalid('x-message-ttl', '{value_negative,-1}'),
  ),
  onChannel(
    'a time to live in words',
    withArguments({ 'x-message-ttl': '5s' }),
    invalid('x-message-ttl', '"expected integer, got longstr"'),
  ),
  onChannel('an expiry of zero', withArguments({ 'x-expires': 0 }), invalid('x-expires', '{value_zero,0}')),
  onChannel(
    'an overflow nobody knows',
    withArguments({ 'x-overflow': 'spill' }),
    invalid('x-overflow', 'invalid_overflow'),
  ),
  onChannel(
    'a dead-letter key without an exchange',
    withArguments({ 'x-dead-letter-routing-key': 'k' }),
    invalid('x-dead-letter-routing-key', 'routing_key_but_no_dlx_defined'),
  ),
  onChannel(
    'a queue type nobody knows',
    withArguments({ 'x-queue-type': 'round' }),
    invalid('x-queue-type', `"unsupported queue type 'round'"`),
  ),
  onChannel(
    'more priorities than there are',
    withArguments({ 'x-max-priority': 256 }),
    invalid('x-max-priority', '{max_value_exceeded,256}'),
  ),
  onChannel(
    'a place for the leader nobody knows',
    withArguments({ 'x-queue-type': 'quorum', 'x-queue-leader-locator': 'moon' }),
    invalid('x-queue-leader-locator', 'invalid_queue_locator_arg'),
  ),
  onChannel(
    'a quorum of none',
    withArguments({ 'x-queue-type': 'quorum', 'x-quorum-initial-group-size': 0 }),
    invalid('x-quorum-initial-group-size', '{value_zero,0}'),
  ),
  onChannel(
    'a message larger than 16 MiB',
    async (channel, tools) => channel.sendToQueue(await tools.queue(channel), Buffer.alloc(2 ** 24 + 1)),
    precondition('message size 16777217 is larger than configured max size 16777216'),
  ),
  onChannel(
    'a delivery limit on a classic queue',
    withArguments({ 'x-delivery-limit': 1 }),
    precondition(`invalid arg 'x-delivery-limit' for queue '<1>' in vhost '/' of queue type rabbit_classic_queue`),
  ),
  onChannel(
    'priorities on a quorum queue',
    withArguments({ 'x-queue-type': 'quorum', 'x-max-priority': 1 }),
    precondition(`invalid arg 'x-max-priority' for queue '<1>' in vhost '/' of queue type rabbit_quorum_queue`),
  ),
  onChannel(
    'a quorum queue that is not durable',
    (channel, tools) => tools.queue(channel, { durable: false, arguments: { 'x-queue-type': 'quorum' } }),
    precondition(`invalid property 'non-durable' for queue '<1>' in vhost '/'`),
  ),
  onChannel(
    'an exclusive quorum queue',
    (channel, tools) => tools.queue(channel, { exclusive: true, arguments: { 'x-queue-type': 'quorum' } }),
    precondition(`invalid property 'exclusive-owner' for queue '<1>' in vhost '/'`),
  ),
  onConnection(
    'global prefetch on a quorum queue',
    async (channel, tools) => {
      const queue = await tools.quorum(channel);
      await channel.prefetch(3, true);
      await channel.consume(queue, () => {});
    },
    `540 NOT_IMPLEMENTED - queue '<1>' in vhost '/' does not support global qos`,
  ),
  onChannel(
    'an exclusive queue of another connection',
    async (channel, tools) => {
      const owner = await (await tools.connect()).createChannel();
      await channel.checkQueue(await tools.queue(owner, { exclusive: true }));
    },
    `405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '<1>' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.`,
  ),
  onChannel(
    'a consumer beside an exclusive one',
    async (channel, tools) => {
      const queue = await tools.queue(channel);
      await channel.consume(queue, () => {}, { exclusive: true });
      await channel.consume(queue, () => {});
    },
    `403 ACCESS_REFUSED - queue '<1>' in vhost '/' in exclusive use`,
  ),
  onChannel(
    'an exclusive consumer beside another',
    async (channel, tools) => {
      const queue = await tools.queue(channel);
      await channel.consume(queue, () => {});
      await channel.consume(queue, () => {}, { exclusive: true });
    },
    `403 ACCESS_REFUSED - queue '<1>' in vhost '/' in exclusive use`,
  ),
  onConnection(
    'a consumer tag that is taken',
    async (channel, tools) => {
      const queue = await tools.queue(channel);
      await channel.consume(queue, () => {}, { consumerTag: 'same' });
      await channel.consume(queue, () => {}, { consumerTag: 'same' });
    },
    `530 NOT_ALLOWED - attempt to reuse consumer tag 'same'`,
  ),
  onChannel(
    'deleting a queue in use, if it must not be',
    async (channel, tools) => {
      const queue = await tools.queue(channel);
      await channel.consume(queue, () => {});
      await channel.deleteQueue(queue, { ifUnused: true });
    },
    precondition(`queue '<1>' in vhost '/' in use`),
  ),
  onChannel(
    'deleting a queue with messages, if it must be empty',
    async (channel, tools) => {
      const queue = await tools.queue(channel);
      await tools.send(channel, queue, ['a']);
      await channel.deleteQueue(queue, { ifEmpty: true });
    },
    precondition(`queue '<1>' in vhost '/' not empty`),
  ),
  onChannel(
    'an ack of a tag that is not out',
    (channel) => channel.ack(tagged(7)),
    precondition('unknown delivery tag 7'),
  ),
  onChannel(
    'a nack of a tag that is not out',
    (channel) => channel.nack(tagged(7)),
    precondition('unknown delivery tag 7'),
  ),
  onChannel(
    'a reject of a tag that is not out',
    (channel) => channel.reject(tagged(7)),
    precondition('unknown delivery tag 7'),
  ),
  allowed('not an ack of all when nothing is out', (channel) => channel.ackAll()),
  allowed('not a cancel of what does not consume', (channel) => channel.cancel('nobody')),
  allowed('not unbinding what is not bound', async (channel, tools) =>
    channel.unbindQueue(await tools.queue(channel), 'amq.direct', 'k'),
  ),
  onChannel(
    'an expiration that is no number',
    publishing({ expiration: 'soon' }),
    precondition(`invalid expiration 'soon': no_integer`),
  ),
  onChannel(
    'a negative expiration',
    publishing({ expiration: '-1' }),
    precondition(`invalid expiration '-1': {value_negative,-1}`),
  ),
  onChannel(
    'a user id of someone else',
    publishing({ userId: 'bob' }),
    precondition(`user_id property set to 'bob' but authenticated user was 'guest'`),
  ),
  onChannel(
    'a CC header that is no list',
    publishing({ headers: { CC: 'k' } }),
    precondition(`invalid message: {unacceptable_type_in_header,"CC",longstr}`),
  ),
  onConnection(
    'a header that is no finite number',
    publishing({ headers: { bad: Number.POSITIVE_INFINITY } }),
    '541 INTERNAL_ERROR',
  ),
  onChannel(
    'a reply address without a reply consumer',
    publishing({ replyTo: 'amq.rabbitmq.reply-to' }),
    precondition('fast reply consumer does not exist'),
  ),
  onChannel(
    'a reply consumer that wants to ack',
    (channel) => channel.consume('amq.rabbitmq.reply-to', () => {}),
    precondition('reply consumer cannot acknowledge'),
  ),
  onChannel(
    'headers matched in an unknown way',
    async (channel, tools) => channel.bindQueue(await tools.queue(channel), 'amq.headers', '', { 'x-match': 'some' }),
    precondition('Invalid x-match field value <<"some">>; expected all, any, all-with-x, or any-with-x'),
  ),
];
