import { expect } from 'chai';
import { NEVER } from 'rxjs';
import type { Delivery, Headers } from '../../src/message/delivery.ts';
import {
  correlationIdOf,
  derivedContext,
  fingerprint,
  messageIdOf,
  producerContextOf,
  resultIdOf,
  traceIdOf,
} from '../../src/message/identity.ts';

const delivery = (part: Partial<Delivery>): Delivery => ({
  queue: 'q',
  exchange: '',
  routingKey: 'q',
  deliveryTag: 1,
  redelivered: false,
  body: Buffer.from('{}'),
  properties: {},
  headers: {},
  lost: NEVER,
  ack: () => 'sent',
  requeue: () => 'sent',
  ...part,
});

describe('the identity of a message', () => {
  it('is the one its publisher gave it', () => {
    expect(messageIdOf(delivery({ properties: { messageId: 'm1' } }))).to.equal('m1');
  });

  it('B11: is derived from the body where none was given, the same for a redelivery', () => {
    const first = messageIdOf(delivery({ deliveryTag: 1 }));
    expect(
      messageIdOf(
        delivery({ deliveryTag: 9, redelivered: true, routingKey: 'elsewhere', properties: { messageId: '' } }),
      ),
    ).to.equal(first);
    expect(messageIdOf(delivery({ body: Buffer.from('{"other":1}') }))).to.not.equal(first);
    expect(first).to.match(/^body-[\w-]{43}$/);
  });

  it('gives its id to the conversation where none is given', () => {
    expect(correlationIdOf(delivery({ properties: { correlationId: 'c1' } }), 'm1')).to.equal('c1');
    expect(correlationIdOf(delivery({}), 'm1')).to.equal('m1');
  });

  const good = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  it('reads a well-formed context, and nothing beside it', () => {
    const baggage = `user=${'x'.repeat(4_096)}`;
    const tracestate = 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE';
    const contextOf = (headers: Headers) => producerContextOf(delivery({ headers }));
    expect(contextOf({ traceparent: good })).to.deep.equal({ traceparent: good });
    expect(contextOf({ traceparent: good, tracestate, baggage })).to.deep.equal({ traceparent: good, tracestate });
    for (const bad of [7, '', 'x'.repeat(513), 'a=1\r\nx-evil: 1'])
      expect(contextOf({ traceparent: good, tracestate: bad })).to.deep.equal({ traceparent: good });
  });

  for (const bad of [
    undefined,
    7,
    '',
    good.toUpperCase(),
    good.slice(1),
    `${good}-extra`,
    '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
    good.replace(/^00/, 'ff'),
  ]) {
    it(`drops ${JSON.stringify(bad)}`, () =>
      expect(producerContextOf(delivery(bad === undefined ? {} : { headers: { traceparent: bad } }))).to.equal(
        undefined,
      ));
  }

  it('makes a new context for a message without one, the same on every try', () => {
    const { traceparent } = derivedContext('m1');
    expect(traceparent).to.match(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(derivedContext('m1')).to.deep.equal({ traceparent });
    expect(derivedContext('m2')).not.to.deep.equal({ traceparent });
    expect(traceIdOf({ traceparent: good })).to.equal('4bf92f3577b34da6a3ce929d0e0e4736');
  });

  it('never gives two lists of parts one fingerprint', () => {
    expect(fingerprint('a', 'bc')).to.not.equal(fingerprint('ab', 'c'));
    expect(fingerprint('a', '')).to.not.equal(fingerprint('a'));
    expect(resultIdOf('p', 'm', 1)).to.not.equal(resultIdOf('p', 'm', 2));
  });
});
