import { expect } from 'chai';
import { clientAddress, countedAs } from '../../src/ingress/client-address.ts';

describe('clientAddress', () => {
  it('is an address without a port, however it is written', () => {
    for (const [told, address] of [
      ['203.0.113.7', '203.0.113.7'],
      ['203.0.113.7:54321', '203.0.113.7'],
      ['::ffff:203.0.113.7', '203.0.113.7'],
      ['::ffff:cb00:7107', '203.0.113.7'],
      ['0:0:0:0:0:FFFF:203.0.113.7', '203.0.113.7'],
      ['[::FFFF:cb00:7107]:54321', '203.0.113.7'],
      ['64:FF9B::cb00:7107', '64:ff9b::cb00:7107'],
      ['2001:DB8::7', '2001:db8::7'],
      ['[2001:db8::7]', '2001:db8::7'],
      ['[2001:db8::7]:54321', '2001:db8::7'],
    ] as const)
      expect([told, clientAddress(told, '10.0.0.1')]).to.deep.equal([told, address]);
  });

  it('is that of who is connected where what is told is none', () => {
    for (const told of ['', 'unknown', '_hidden', 'a b', '203.0.113.7.8', '203.0.113.7:x', '[::1', '<script>', '1:2'])
      expect([told, clientAddress(told, '::ffff:10.0.0.1')]).to.deep.equal([told, '10.0.0.1']);
  });
});

describe('countedAs', () => {
  it('takes the addresses of one IPv6 network for one, and every other by itself', () => {
    for (const [address, counted] of [
      ['203.0.113.7', '203.0.113.7'],
      ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
      ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
      ['2001:0db8:0001:0002:ffff::', '2001:db8:1:2::/64'],
      ['2001:db8::7', '2001:db8:0:0::/64'],
      ['::7', '0:0:0:0::/64'],
      ['::ffff:203.0.113.7', '203.0.113.7'],
      ['::ffff:cb00:7107', '203.0.113.7'],
      ['64:ff9b::203.0.113.7', '203.0.113.7'],
      ['64:ff9b::cb00:7107', '203.0.113.7'],
      ['64:ff9b::CB00:7108', '203.0.113.8'],
      ['0064:ff9b:0:0:0:0:0:9', '0.0.0.9'],
      // Behind these prefixes there is none, or none that can be told.
      ['64:ff9b::1:cb00:7107', '64:ff9b:0:0::/64'],
      ['64:ff9b:1::cb00:7107', '64:ff9b:1:0::/64'],
      ['::ffff:0:cb00:7107', '0:0:0:0::/64'],
      ['0:0:0:0:0:0:0:1', '0:0:0:0:0:0:0:1'],
      ['fe80::1%eth0', 'fe80::1%eth0'],
      ['::1', '::1'],
      ['fe80::1', 'fe80::1'],
      ['fc::1', 'fc:0:0:0::/64'],
      ['fd00:1::2', 'fd00:1::2'],
    ] as const)
      expect([address, countedAs(address)]).to.deep.equal([address, counted]);
  });
});
