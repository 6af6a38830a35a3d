/** basic.*, channel.*, confirm.* and tx.* as methods of the wire; basic.publish, which brings content, is the session's own. */
import { channelError, notImplemented } from '../model/fault.ts';
import type { ChannelMethod } from './channel-method.ts';
import { METHOD } from './protocol.ts';

const refuseTransactions: ChannelMethod = () => {
  throw notImplemented('tx.select is not implemented: use publisher confirms');
};

const recoverAll: ChannelMethod = (session, read) => {
  if ((read.octet() & 1) === 0) throw notImplemented('requeue=false');
  session.model.recover(session.channel);
};

export const basicMethods: readonly (readonly [number, ChannelMethod])[] = [
  [
    METHOD.channelOpen,
    () => {
      throw channelError(`second 'channel.open' seen`);
    },
  ],
  [METHOD.channelClose, (session) => session.close()],
  [METHOD.channelCloseOk, () => {}],
  [METHOD.channelFlowOk, () => {}],
  [
    METHOD.channelFlow,
    (session, read) => {
      if ((read.octet() & 1) === 0) throw notImplemented('active=false');
      session.reply(METHOD.channelFlowOk).flag(true).end();
    },
  ],
  [
    METHOD.basicQos,
    (session, read) => {
      const size = read.long();
      if (size !== 0) throw notImplemented(`prefetch_size!=0 (${size})`);
      const count = read.short();
      session.model.setPrefetch(session.channel, count, (read.octet() & 1) !== 0);
      session.reply(METHOD.basicQosOk).end();
    },
  ],
  [
    METHOD.basicConsume,
    (session, read) => {
      read.skip(2);
      const queue = read.shortString();
      const consumerTag = read.shortString();
      const flags = read.octet();
      const tag = session.model.consume(session.channel, {
        queue,
        consumerTag,
        noAck: (flags & 2) !== 0,
        exclusive: (flags & 4) !== 0,
        arguments: session.readTable(read),
      });
      if ((flags & 8) === 0) session.reply(METHOD.basicConsumeOk).shortString(tag).end();
    },
  ],
  [
    METHOD.basicCancel,
    (session, read) => {
      const tag = read.shortString();
      const isSilent = (read.octet() & 1) !== 0;
      session.model.cancel(session.channel, tag);
      if (!isSilent) session.reply(METHOD.basicCancelOk).shortString(tag).end();
    },
  ],
  // A client's answer to a cancel of ours.
  [METHOD.basicCancel + 1, () => {}],
  [
    METHOD.basicGet,
    (session, read) => {
      read.skip(2);
      const queue = read.shortString();
      const got = session.model.get(session.channel, { queue, noAck: (read.octet() & 1) !== 0 });
      if (got === undefined) {
        session.reply(METHOD.basicGetEmpty).shortString('').end();
        return;
      }
      const { message, deliveryTag, redelivered, messageCount } = got;
      const reply = session.reply(METHOD.basicGetOk).longlong(deliveryTag).flag(redelivered);
      reply.shortString(message.exchange).shortString(message.routingKey).long(messageCount).end();
      session.writer.content(session.number, message);
    },
  ],
  [
    METHOD.basicAck,
    (session, read) => {
      const tag = read.longlong();
      session.model.settle(session.channel, tag, (read.octet() & 1) !== 0, 'ack');
    },
  ],
  [
    METHOD.basicNack,
    (session, read) => {
      const tag = read.longlong();
      const flags = read.octet();
      session.model.settle(session.channel, tag, (flags & 1) !== 0, (flags & 2) !== 0 ? 'requeue' : 'reject');
    },
  ],
  [
    METHOD.basicReject,
    (session, read) => {
      const tag = read.longlong();
      session.model.settle(session.channel, tag, false, (read.octet() & 1) !== 0 ? 'requeue' : 'reject');
    },
  ],
  [METHOD.basicRecoverAsync, recoverAll],
  [
    METHOD.basicRecover,
    (session, read) => {
      recoverAll(session, read);
      session.reply(METHOD.basicRecoverOk).end();
    },
  ],
  [
    METHOD.confirmSelect,
    (session, read) => {
      const isSilent = (read.octet() & 1) !== 0;
      session.model.confirmPublishes(session.channel);
      if (!isSilent) session.reply(METHOD.confirmSelectOk).end();
    },
  ],
  [METHOD.txSelect, refuseTransactions],
  [METHOD.txCommit, refuseTransactions],
  [METHOD.txRollback, refuseTransactions],
];
