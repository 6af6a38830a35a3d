/** exchange.* as methods of the wire. */
import type { ChannelMethod } from './channel-method.ts';
import { METHOD } from './protocol.ts';

export const exchangeMethods: readonly (readonly [number, ChannelMethod])[] = [
  [
    METHOD.exchangeDeclare,
    (session, read) => {
      read.skip(2);
      const exchange = read.shortString();
      const type = read.shortString();
      const flags = read.octet();
      session.model.declareExchange({
        exchange,
        type,
        passive: (flags & 1) !== 0,
        durable: (flags & 2) !== 0,
        autoDelete: (flags & 4) !== 0,
        internal: (flags & 8) !== 0,
        arguments: session.readTable(read),
      });
      if ((flags & 16) === 0) session.reply(METHOD.exchangeDeclareOk).end();
    },
  ],
  [
    METHOD.exchangeDelete,
    (session, read) => {
      read.skip(2);
      const exchange = read.shortString();
      const flags = read.octet();
      session.model.deleteExchange({ exchange, ifUnused: (flags & 1) !== 0 });
      if ((flags & 2) === 0) session.reply(METHOD.exchangeDeleteOk).end();
    },
  ],
  [
    METHOD.exchangeBind,
    (session, read) => {
      read.skip(2);
      const destination = read.shortString();
      const source = read.shortString();
      const key = read.shortString();
      const flags = read.octet();
      session.model.bindExchange({ destination, source, key, arguments: session.readTable(read) });
      if ((flags & 1) === 0) session.reply(METHOD.exchangeBindOk).end();
    },
  ],
  [
    METHOD.exchangeUnbind,
    (session, read) => {
      read.skip(2);
      const destination = read.shortString();
      const source = read.shortString();
      const key = read.shortString();
      const flags = read.octet();
      session.model.unbindExchange({ destination, source, key, arguments: session.readTable(read) });
      if ((flags & 1) === 0) session.reply(METHOD.exchangeUnbindOk).end();
    },
  ],
];
