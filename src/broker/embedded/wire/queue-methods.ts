/** queue.* as methods of the wire. */
import type { ChannelMethod } from './channel-method.ts';
import { METHOD } from './protocol.ts';

export const queueMethods: readonly (readonly [number, ChannelMethod])[] = [
  [
    METHOD.queueDeclare,
    (session, read) => {
      read.skip(2);
      const queue = read.shortString();
      const flags = read.octet();
      const declared = session.model.declareQueue(session.channel, {
        queue,
        passive: (flags & 1) !== 0,
        durable: (flags & 2) !== 0,
        exclusive: (flags & 4) !== 0,
        autoDelete: (flags & 8) !== 0,
        arguments: session.readTable(read),
      });
      if ((flags & 16) !== 0) return;
      const reply = session.reply(METHOD.queueDeclareOk).shortString(declared.queue);
      reply.long(declared.messageCount).long(declared.consumerCount).end();
    },
  ],
  [
    METHOD.queueBind,
    (session, read) => {
      read.skip(2);
      const queue = read.shortString();
      const source = read.shortString();
      const key = read.shortString();
      const flags = read.octet();
      session.model.bindQueue(session.channel, { queue, source, key, arguments: session.readTable(read) });
      if ((flags & 1) === 0) session.reply(METHOD.queueBindOk).end();
    },
  ],
  [
    METHOD.queueUnbind,
    (session, read) => {
      read.skip(2);
      const queue = read.shortString();
      const source = read.shortString();
      const key = read.shortString();
      session.model.unbindQueue(session.channel, { queue, source, key, arguments: session.readTable(read) });
      session.reply(METHOD.queueUnbindOk).end();
    },
  ],
  [
    METHOD.queuePurge,
    (session, read) => {
      read.skip(2);
      const count = session.model.purgeQueue(session.channel, read.shortString());
      if ((read.octet() & 1) === 0) session.reply(METHOD.queuePurgeOk).long(count).end();
    },
  ],
  [
    METHOD.queueDelete,
    (session, read) => {
      read.skip(2);
      const queue = read.shortString();
      const flags = read.octet();
      const count = session.model.deleteQueue(session.channel, {
        queue,
        ifUnused: (flags & 1) !== 0,
        ifEmpty: (flags & 2) !== 0,
      });
      if ((flags & 4) === 0) session.reply(METHOD.queueDeleteOk).long(count).end();
    },
  ],
];
