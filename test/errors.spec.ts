import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { messageOf, PermanentError, placeOf, systemCodeOf } from '../src/errors.ts';
import { cpuMsOf } from './support/cpu-time.ts';

describe('messageOf', () => {
  it('is a text, whatever was thrown', () => {
    expect(messageOf(new Error('down'))).to.equal('down');
    expect(messageOf(new TypeError(''))).to.equal('TypeError');
    expect(messageOf('down')).to.equal('down');
    expect(messageOf(undefined)).to.equal('thrown value: undefined');
    expect(messageOf({ code: 'E1', message: 'the bank is closed' })).to.equal('thrown value: the bank is closed');
    expect(messageOf({ status: 409, reason: 'secret' })).to.equal('thrown value: an object with status, reason');
    expect(messageOf({})).to.equal('thrown value: [object Object]');
    expect(messageOf({ code: 14, toString: () => 'UNAVAILABLE' })).to.equal('thrown value: UNAVAILABLE');
    expect(messageOf(Object.assign(Object.create(null), { code: 14 }))).to.equal('thrown value: an object with code');
    const unreadable = new Proxy(new Error(), {
      get: () => {
        throw new Error('trap');
      },
    });
    expect(messageOf(unreadable)).to.equal('a thrown value that cannot be read');
  });

  it('is of several at once what each of them says, once', () => {
    const tried = ['::1', '127.0.0.1', '::1'].map((host) => new Error(`no answer of ${host}`));
    expect(messageOf(new AggregateError(tried))).to.equal('no answer of ::1; no answer of 127.0.0.1');
    expect(messageOf(new AggregateError([new TypeError(''), 'down'], 'All promises were rejected'))).to.equal(
      'All promises were rejected: TypeError; down',
    );
    const many = Array.from({ length: 100 }, (_, n) => new Error(`order ${n} is refused`));
    expect(messageOf(new AggregateError([...many, ...many], 'All promises were rejected'))).to.equal(
      'All promises were rejected: order 0 is refused; order 1 is refused; order 2 is refused; order 3 is refused; order 4 is refused; and 95 more',
    );
    expect(messageOf(new AggregateError([]))).to.equal('AggregateError');
    const circular = new AggregateError([], 'all');
    circular.errors.push(circular, circular);
    expect(messageOf(circular)).to.equal('all: all');
  });

  it('is the beginning of a text that would fill logs and journals', () => {
    const text = messageOf(new Error('x'.repeat(3_000_000)));
    expect(text).to.equal(`${'x'.repeat(4_000)}… (3000000 characters in all)`);
    expect(messageOf('y'.repeat(4_000))).to.equal('y'.repeat(4_000));
  });
});

describe('systemCodeOf', () => {
  it('is the code by which the system, Node or a package names an error', async () => {
    expect(systemCodeOf(await access('/nobody/made/this').catch((error: unknown) => error))).to.equal('ENOENT');
    expect(systemCodeOf(Object.assign(new Error('x'), { code: '42P01' }))).to.equal('42P01');
    class Inherited extends Error {
      get code(): string {
        return 'EINHERITED';
      }
    }
    expect(systemCodeOf(new Inherited())).to.equal('EINHERITED');
  });

  it('is none of what has none that is a text, and of nothing that cannot be read', () => {
    const trap = Object.defineProperty(new Error('x'), 'code', {
      get: () => {
        throw new Error('trap');
      },
    });
    const codeless = [new Error('x'), Object.assign(new Error('x'), { code: 404 }), { code: 'ENOENT' }, 'ENOENT', trap];
    for (const thrown of [...codeless, undefined, null]) expect(systemCodeOf(thrown)).to.equal(undefined);
  });
});

describe('placeOf', () => {
  const thrownAt = (...frames: readonly string[]): Error =>
    Object.assign(new TypeError('x is undefined'), {
      stack: ['TypeError: x is undefined at /no:1:1', ...frames].join('\n'),
    });

  it('is the first line of its stack that is of no package and not of Node', () => {
    expect(placeOf(new TypeError('here'))).to.match(new RegExp(`^${fileURLToPath(import.meta.url)}:\\d+:\\d+$`));
    const library = ['    at f (/app/node_modules/pg/lib/client.js:1:2)', '    at new Promise (node:internal/a/b:3:4)'];
    expect(placeOf(thrownAt(...library, '    at handle (/app/pipelines/orders.ts:19:10)'))).to.equal(
      '/app/pipelines/orders.ts:19:10',
    );
    expect(placeOf(thrownAt('    at async file:///app/my pipelines/orders.ts:19:10'))).to.equal(
      '/app/my pipelines/orders.ts:19:10',
    );
    expect(placeOf(thrownAt('    at C:\\app\\orders.ts:19:10'))).to.equal('C:\\app\\orders.ts:19:10');
    expect(placeOf(thrownAt(...library))).to.equal(undefined);
    const several = [new PermanentError('x'), 'down', thrownAt('    at handle (/app/pipelines/orders.ts:19:10)')];
    const all = Object.assign(new AggregateError(several), { stack: 'AggregateError: All promises were rejected' });
    expect(placeOf(all)).to.equal('/app/pipelines/orders.ts:19:10');
  });

  it('is never of the message, and found in time that does not grow with the square of it', () => {
    const own = new RegExp(`^${fileURLToPath(import.meta.url)}:\\d+:\\d+$`);
    expect(placeOf(new Error('no order:\n    at pay (/iban/DE00.ts:12:34)\n/card/4111:1:1'))).to.match(own);
    const long = '/'.repeat(200_000);
    const tookMs = cpuMsOf(() => {
      expect(placeOf(new Error(`no order:\n${long}`))).to.match(own);
      expect(placeOf(thrownAt(`    at ${long}`, `    at f (${long}`, '    at /app/orders.ts:19:10'))).to.equal(
        '/app/orders.ts:19:10',
      );
    });
    expect(tookMs).to.be.below(1_000);
  });

  it('is of no error of ours, whose message names the place, and of nothing that cannot be read', () => {
    expect(placeOf(new PermanentError('no'))).to.equal(undefined);
    expect(placeOf('down')).to.equal(undefined);
    const trap = Object.defineProperty(new Error('x'), 'stack', {
      get: () => {
        throw new Error('trap');
      },
    });
    expect(placeOf(trap)).to.equal(undefined);
  });
});
