import { expect } from 'chai';
import fc from 'fast-check';
import { fillTemplate, isInside, parseBaseUrl, parseTemplate, queryOf, UrlError } from '../../src/http/url.ts';

const base = parseBaseUrl('https://api.test:8443/v1/');
const fill = (text: string, values?: Record<string, string>) => fillTemplate(parseTemplate(base, text), values);
const unusable = (value: unknown): never => value as never;

describe('parseBaseUrl', () => {
  it('takes origin and prefix apart', () => {
    expect(base).to.deep.equal({ origin: 'https://api.test:8443', prefix: '/v1' });
    expect(parseBaseUrl('http://api.test')).to.deep.equal({ origin: 'http://api.test', prefix: '' });
    expect(parseBaseUrl('HTTP://API.test:80/A/../b//')).to.deep.equal({ origin: 'http://api.test', prefix: '/b' });
  });

  for (const text of [
    '',
    'api.test',
    'ftp://api.test',
    'file:///etc',
    'data:,x',
    'javascript:1',
    '//api.test',
    'http://',
    'http://api.test?x=1',
    'http://api.test/#f',
    'https:api.test',
    ' http://api.test',
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => expect(() => parseBaseUrl(text)).to.throw(UrlError));
  }

  it('refuses a user name or password, and does not show it', () => {
    expect(() => parseBaseUrl('http://user:canary@api.test')).to.throw(
      UrlError,
      'must not hold a user name or password, use auth',
    );
  });
});

describe('a path template', () => {
  it('is put under the prefix', () => {
    expect(fill('/')).to.equal('/v1/');
    expect(fill('/orders')).to.equal('/v1/orders');
    expect(fill('/orders/')).to.equal('/v1/orders/');
    expect(fill('/a%20b;v=1/@me')).to.equal('/v1/a%20b;v=1/@me');
  });

  it('takes values as one segment each', () => {
    expect(fill('/orders/{id}', { id: '../admin' })).to.equal('/v1/orders/..%2Fadmin');
    expect(fill('/orders/{id}.json', { id: 'a?b#c' })).to.equal('/v1/orders/a%3Fb%23c.json');
    expect(fill('/{a}-{b}', { a: '@evil.test', b: '\\\\host' })).to.equal('/v1/%40evil.test-%5C%5Chost');
    expect(fill('/{a}', { a: '%2e%2e' })).to.equal('/v1/%252e%252e');
    expect(fill('/{a}', { a: 'x\r\ny\0' })).to.equal('/v1/x%0D%0Ay%00');
    expect(fillTemplate(parseTemplate(base, '/{a}/{b}/{c}'), { a: 7, b: 9_007_199_254_740_993n, c: false })).to.equal(
      '/v1/7/9007199254740993/false',
    );
  });

  for (const path of [
    '',
    'orders',
    'http://evil.test/x',
    '//evil.test/x',
    '/a//b',
    '/..',
    '/a/../b',
    '/a/./b',
    '/%2e%2e/b',
    '/%2E./b',
    '/a/%2e',
    '/a\\b',
    '\\\\evil.test',
    '/a%2fb',
    '/a%5Cb',
    '/a%00',
    '/a?b=1',
    '/a#b',
    '/a b',
    '/a\r\nb',
    '/ž',
    '/a%zz',
    '/{',
    '/{a b}',
    '/{}',
  ]) {
    it(`is refused: ${JSON.stringify(path)}`, () => expect(() => fill(path)).to.throw(UrlError));
  }

  for (const value of [
    '',
    '.',
    '..',
    '\ud800',
    Number.NaN,
    Number.POSITIVE_INFINITY,
    null,
    undefined,
    {},
    ['a'],
    Symbol('s'),
  ]) {
    it(`refuses the value ${String(typeof value === 'string' ? JSON.stringify(value) : typeof value === 'object' ? JSON.stringify(value) : String(value))}`, () => {
      expect(() => fill('/{a}', { a: unusable(value) })).to.throw(UrlError);
    });
  }

  it('refuses values that make dots together, missing values and unknown ones', () => {
    expect(() => fill('/.{a}', { a: '.' })).to.throw(UrlError);
    expect(() => fill('/%2e{a}', { a: unusable(0) })).to.not.throw();
    expect(() => fill('/{a}')).to.throw(UrlError, 'value of {a} is undefined');
    expect(() => fill('/{toString}')).to.throw(UrlError, 'value of {toString} is undefined');
    expect(() => fill('/{a}', { a: '1', b: '2' })).to.throw(UrlError, 'path has no place {b}');
  });

  it('never leaves origin and prefix, whatever the values', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[./\\%2eEfF@:?#a]*$/));
    fc.assert(
      fc.property(text, text, (a, b) => {
        let path: string;
        try {
          path = fill('/x/{a}/{b}.z', { a, b });
        } catch (error) {
          return error instanceof UrlError;
        }
        const url = new URL(base.origin + path);
        return (
          isInside(base, url) &&
          url.pathname === path &&
          url.pathname.split('/').length === 5 &&
          url.search === '' &&
          url.hash === ''
        );
      }),
    );
  });

  it('never leaves origin and prefix, whatever the path', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[./\\%2eEfF@:?#a]*$/)), (text) => {
        try {
          return isInside(base, new URL(base.origin + fill(`/${text}`)));
        } catch (error) {
          return error instanceof UrlError;
        }
      }),
    );
  });
});

describe('queryOf', () => {
  it('encodes names and values, repeats lists and leaves out what is undefined', () => {
    expect(queryOf(undefined)).to.equal('');
    expect(queryOf({ a: undefined, b: [] })).to.equal('');
    expect(queryOf({ q: 'a&b=c d', 'n m': [1, true], big: 2n ** 60n, none: undefined })).to.equal(
      '?q=a%26b%3Dc%20d&n%20m=1&n%20m=true&big=1152921504606846976',
    );
  });

  it('refuses null, objects and numbers that are none', () => {
    for (const value of [null, {}, Number.NaN, [undefined], '\udc00'])
      expect(() => queryOf({ a: unusable(value) })).to.throw(UrlError);
  });
});

describe('isInside', () => {
  it('tells a prefix from a path that begins alike', () => {
    expect(isInside(base, new URL('https://api.test:8443/v1'))).to.equal(true);
    expect(isInside(base, new URL('https://api.test:8443/v10'))).to.equal(false);
    expect(isInside(base, new URL('https://api.test/v1/x'))).to.equal(false);
    expect(isInside(base, new URL('https://u:p@api.test:8443/v1/x'))).to.equal(false);
  });
});
