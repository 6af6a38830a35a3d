import { expect } from 'chai';
import { readEndpoint, withoutCredentials } from '../../../src/broker/amqp/address.ts';
import { ConfigError } from '../../../src/errors.ts';

describe('readEndpoint', () => {
  it('reads every part, percent escapes included', () => {
    const { address, isTls, connect } = readEndpoint(
      'amqps://us%40er:p%C3%A4%2Fss@rabbit.example:5673/shop%2Feu?heartbeat=30',
      10,
    );
    expect(isTls).to.equal(true);
    expect(address).to.equal('amqps://rabbit.example:5673/shop%2Feu');
    expect(connect).to.deep.equal({
      protocol: 'amqps',
      hostname: 'rabbit.example',
      port: 5673,
      vhost: 'shop%2Feu',
      heartbeat: 30,
      username: 'us@er',
      password: 'pä/ss',
    });
  });

  it('knows what is meant by what is left out', () => {
    const { address, connect } = readEndpoint('amqp://localhost', 10);
    expect(address).to.equal('amqp://localhost:5672/');
    expect(connect).to.deep.equal({ protocol: 'amqp', hostname: 'localhost', port: 5672, vhost: '%2F', heartbeat: 10 });
    expect(readEndpoint('amqps://h', 10).connect.port).to.equal(5671);
    expect(readEndpoint('amqp://[::1]:1234/', 10).connect).to.include({ hostname: '::1', port: 1234, vhost: '%2F' });
  });

  const wrong: readonly (readonly [string, string])[] = [
    ['nonsense', 'not a URL'],
    ['http://u:canary@h', 'expected amqp:// or amqps://'],
    ['amqp://u:%zzcanary@h', 'password holds a malformed percent escape'],
    ['amqp://u:canary@h/%zz', 'virtual host holds a malformed percent escape'],
    ['amqp://u:canary@h/a/b', 'write it as %2F'],
    ['amqp://u:canary@h?heartbeat=abc', 'heartbeat'],
    ['amqp://u:canary@h?heartbeat=0', 'heartbeat'],
    ['amqp://u:canary@h?frameMax=4000', 'frameMax'],
    ['amqp://u:canary@h?hartbeat=10', 'unknown parameter "hartbeat"; known are heartbeat'],
    ['amqp://u:canary@h?heartbeat=1&heartbeat=2', 'parameter "heartbeat" is given 2 times'],
    ['amqp://u:canary@h:0', 'port: expected an integer from 1 to 65535'],
    ['amqp://u:canary@h/v#x', 'no "#" part'],
    // What stands before these characters reads as a port, and the rest of the password as something that may be shown.
    ['amqp://u:12#canary@h/v', 'as %2F, %3F and %23'],
    ['amqp://u:12?canary@h/v', 'as %2F, %3F and %23'],
    ['amqp://u:12/canary@h', 'as %2F, %3F and %23'],
    ['amqp://u:12/canary@h/v', 'as %2F, %3F and %23'],
  ];
  for (const [url, expected] of wrong) {
    it(`B38: refuses ${url.replace('canary', '…')} without showing the password`, () => {
      expect(() => readEndpoint(url, 10))
        .to.throw(ConfigError, expected)
        .with.property('message')
        .that.does.not.contain('canary');
    });
  }
});

describe('withoutCredentials', () => {
  it('takes the user information out of every URL in a text', () => {
    expect(withoutCredentials('could not reach amqp://u:p@h:1/v or amqps://x@y')).to.equal(
      'could not reach amqp://h:1/v or amqps://y',
    );
  });
});
