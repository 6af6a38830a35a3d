import { expect } from 'chai';
import { readArguments } from '../../bench/support/arguments.ts';

describe('the options of a benchmark', () => {
  const read = (...args: string[]) =>
    readArguments(
      args,
      { messages: { type: 'string', default: '20000' }, job: { type: 'string' } },
      { messages: 1_000 },
    );

  it('are read with their defaults', () => {
    expect({ ...read('--job', 'post') }).to.deep.equal({ messages: '20000', job: 'post' });
    expect(read('--messages', '1000').messages).to.equal('1000');
  });

  it('are refused by name where they are unknown, no number, or too small a one to measure anything', () => {
    expect(() => read('--mesages', '5')).to.throw("Unknown option '--mesages'");
    expect(() => read('--messages', 'many')).to.throw('--messages: expected a whole number of at least 1000, got many');
    expect(() => read('--messages', '300')).to.throw('--messages: expected a whole number of at least 1000, got 300');
  });
});
