import { expect } from 'chai';
import { headerProblem, headerSafeId, MAX_HEADER_VALUE_BYTES } from '../../src/http/headers.ts';

describe('headerProblem', () => {
  for (const value of [
    '',
    'plain',
    'tab\there',
    'žádný'.normalize('NFD').slice(0, 1),
    'ÿ',
    'x'.repeat(MAX_HEADER_VALUE_BYTES),
  ]) {
    it(`lets through ${JSON.stringify(value.slice(0, 20))}`, () =>
      expect(headerProblem('x-a', value)).to.equal(undefined));
  }

  for (const value of [
    'a\r\nb: c',
    'a\nb',
    'a\0b',
    'žluťoučký',
    '\x7f',
    ' a',
    'a ',
    'x'.repeat(MAX_HEADER_VALUE_BYTES + 1),
    5,
    null,
    undefined,
    ['a'],
  ]) {
    it(`refuses the value ${JSON.stringify(String(value).slice(0, 20))} and does not show it`, () => {
      expect(headerProblem('x-a', value)).to.match(/^value of header x-a [\w ,8-]+$/);
    });
  }

  for (const name of ['', 'a b', 'a:', 'ž', 'a\r\nb', '(a)']) {
    it(`refuses the name ${JSON.stringify(name)}`, () => expect(headerProblem(name, 'x')).to.include('is not a token'));
  }

  for (const name of [
    'Host',
    'content-length',
    'Transfer-Encoding',
    'CONNECTION',
    'Keep-Alive',
    'Upgrade',
    'TE',
    'Trailer',
    'Expect',
    'Proxy-Authorization',
    'proxy-connection',
  ]) {
    it(`leaves ${name} to the transport`, () =>
      expect(headerProblem(name, 'x')).to.include('is set by the transport alone'));
  }

  for (const name of ['X-Correlation-Id', 'traceparent', 'Idempotency-Key']) {
    it(`leaves ${name} to the call`, () => expect(headerProblem(name, 'x')).to.include('cannot be set'));
  }

  it('knows nothing of names that objects inherit', () => {
    expect(headerProblem('constructor', 'x')).to.equal(undefined);
    expect(headerProblem('__proto__', 'x')).to.equal(undefined);
  });
});

describe('headerSafeId', () => {
  it('leaves printable ASCII as it is', () => expect(headerSafeId('order-1/%41~')).to.equal('order-1/%41~'));
  it('encodes everything else', () => {
    expect(headerSafeId('a b')).to.equal('a%20b');
    expect(headerSafeId('a\r\nx: y')).to.equal('a%0D%0Ax%3A%20y');
    expect(headerSafeId('ž\ud800')).to.equal('%C5%BE%EF%BF%BD');
    expect(headerSafeId('x'.repeat(100_000)).length).to.be.at.most(MAX_HEADER_VALUE_BYTES);
  });
});
