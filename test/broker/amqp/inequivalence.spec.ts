import { expect } from 'chai';
import { inequivalence } from '../../../src/broker/amqp/inequivalence.ts';

/** Sentences of RabbitMQ 3.10.8 and 4.0.5. */
const said = (property: string, received: string, current: string): string =>
  `PRECONDITION_FAILED - inequivalent arg '${property}' for queue 'q' in vhost '/': received ${received} but current is ${current}`;

describe('what RabbitMQ says of a queue that differs', () => {
  it('is read with its value and its type', () => {
    const typed = (value: string, type: string) =>
      inequivalence(said('x', 'none', `the value '${value}' of type '${type}'`))?.value;
    expect(typed('5', 'signedint')).to.equal(5);
    expect(typed('5', 'longstr')).to.equal('5');
    expect(typed('true', 'bool')).to.equal(true);
    expect(inequivalence(said('x-message-ttl', "'1000'", "'2000'"))).to.deep.equal({
      property: 'x-message-ttl',
      value: 2_000,
    });
    expect(inequivalence(said('x-dead-letter-exchange', "''", "'dlx'"))).to.deep.equal({
      property: 'x-dead-letter-exchange',
      value: 'dlx',
    });
    expect(inequivalence(said('type', "'topic'", "''x-consistent-hash''"))).to.deep.equal({
      property: 'type',
      value: 'x-consistent-hash',
    });
    expect(inequivalence(said('x-overflow', "the value 'drop-head' of type 'longstr'", 'none'))).to.deep.equal({
      property: 'x-overflow',
      value: undefined,
    });
  });

  it('is a classic queue where there is no type: RabbitMQ 3 says that there is none, RabbitMQ 4 what that means', () => {
    for (const sentence of [
      said('x-queue-type', "the value 'quorum' of type 'longstr'", 'none'),
      said('x-queue-type', "'quorum'", "'classic'"),
    ])
      expect(inequivalence(sentence)).to.deep.equal({ property: 'x-queue-type', value: 'classic' });
  });

  it('is nothing where it is about something else', () => {
    expect(inequivalence("NOT_FOUND - no queue 'q' in vhost '/'")).to.equal(undefined);
  });
});
