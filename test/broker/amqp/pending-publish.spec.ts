import type { Message } from 'amqplib';
import { expect } from 'chai';
import { Subscriber } from 'rxjs';
import { findReturned, PendingPublish } from '../../../src/broker/amqp/pending-publish.ts';
import type { OutgoingMessage } from '../../../src/message/outgoing.ts';
import { message } from '../../contract/broker-port.ts';

describe('findReturned', () => {
  const pendingOf = (part: Partial<OutgoingMessage>): PendingPublish =>
    new PendingPublish({ ...message('key', 'body'), exchange: 'ex', ...part }, new Subscriber<never>(), () => {});
  const returnOf = ({ message: { exchange, routingKey, properties }, content, options }: PendingPublish): Message => ({
    content,
    fields: { deliveryTag: 0, redelivered: false, exchange, routingKey },
    properties: {
      contentType: undefined,
      contentEncoding: undefined,
      deliveryMode: undefined,
      priority: undefined,
      correlationId: properties.correlationId,
      replyTo: undefined,
      expiration: undefined,
      messageId: properties.messageId,
      timestamp: undefined,
      type: properties.type,
      userId: undefined,
      appId: undefined,
      clusterId: undefined,
      headers: { ...options.headers },
    },
  });

  const differing: readonly (readonly [string, Partial<OutgoingMessage>])[] = [
    ['exchange', { exchange: 'other' }],
    ['routing key', { routingKey: 'other' }],
    ['message id', { properties: { messageId: 'other' } }],
    ['correlation id', { properties: { correlationId: 'other' } }],
    ['type', { properties: { type: 'other' } }],
    ['body', { body: Buffer.from('ydob') }],
    ['headers', { headers: { attempt: 2 } }],
    ['mandatory flag', { mandatory: false }],
  ];
  for (const [what, part] of differing) {
    it(`tells apart two that differ in ${what} alone, whichever came first`, () => {
      const wanted = pendingOf({});
      const neighbour = pendingOf(part);
      expect(findReturned([neighbour, wanted], returnOf(wanted))).to.equal(wanted);
      expect(findReturned([wanted, neighbour], returnOf(wanted))).to.equal(wanted);
    });
  }

  it('takes the oldest of equals, each once', () => {
    const [first, second] = [pendingOf({}), pendingOf({})];
    expect(findReturned([first, second], returnOf(second))).to.equal(first);
    first.isReturned = true;
    expect(findReturned([first, second], returnOf(second))).to.equal(second);
  });

  it('finds the one whose headers changed in transit', () => {
    const wanted = pendingOf({ headers: { big: 5n } });
    expect(findReturned([pendingOf({ routingKey: 'other' }), wanted], returnOf(wanted))).to.equal(wanted);
  });

  it('finds none when none is like it', () => {
    expect(findReturned([pendingOf({ routingKey: 'other' })], returnOf(pendingOf({})))).to.equal(undefined);
  });
});
