import { expect } from 'chai';
import { messageOf } from '../src/errors.ts';

describe('messageOf', () => {
  it('is a text, whatever was thrown', () => {
    expect(messageOf(new Error('down'))).to.equal('down');
    expect(messageOf(new TypeError(''))).to.equal('TypeError');
    expect(messageOf('down')).to.equal('down');
    expect(messageOf(undefined)).to.equal('thrown value: undefined');
    const unreadable = new Proxy(new Error(), {
      get: () => {
        throw new Error('trap');
      },
    });
    expect(messageOf(unreadable)).to.equal('a thrown value that cannot be read');
  });

  it('is the beginning of a text that would fill logs and journals', () => {
    const text = messageOf(new Error('x'.repeat(3_000_000)));
    expect(text).to.equal(`${'x'.repeat(4_000)}… (3000000 characters in all)`);
    expect(messageOf('y'.repeat(4_000))).to.equal('y'.repeat(4_000));
  });
});
