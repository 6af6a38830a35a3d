import { expect } from 'chai';
import { requestBodyOf } from '../../src/http/body.ts';

const textOf = (body: unknown, contentType?: string) => {
  const made = requestBodyOf(body, contentType);
  return made?.ok === true ? `${made.contentType}: ${Buffer.from(made.bytes).toString()}` : made?.message;
};

describe('requestBodyOf', () => {
  it('is nothing for undefined, and null for null', () => {
    expect(requestBodyOf(undefined, undefined)).to.equal(undefined);
    expect(textOf(null)).to.equal('application/json: null');
  });

  it('is JSON without a content type, a string too', () => {
    expect(textOf({ a: [1, { b: undefined }], at: new Date(0) })).to.equal(
      'application/json: {"a":[1,{}],"at":"1970-01-01T00:00:00.000Z"}',
    );
    expect(textOf('a"b')).to.equal('application/json: "a\\"b"');
  });

  it('keeps a JSON content type of another name', () => {
    expect(textOf({ a: 1 }, 'application/vnd.shop+json; v=2')).to.equal('application/vnd.shop+json; v=2: {"a":1}');
  });

  it('sends strings and bytes as they are under a content type', () => {
    expect(textOf('<a/>', 'text/xml')).to.equal('text/xml: <a/>');
    expect(textOf('{"ready":1}', 'application/json')).to.equal('application/json: {"ready":1}');
    expect(textOf(Buffer.from('x'), 'image/png')).to.equal('image/png: x');
  });

  it('refuses bytes without a content type, and values under one that is not JSON', () => {
    expect(textOf(Buffer.from('x'))).to.equal('a body of bytes needs a content-type header');
    expect(textOf({ a: 1 }, 'application/x-www-form-urlencoded')).to.include('does not name JSON');
  });

  const circle: Record<string, unknown> = {};
  circle.self = { circle };
  for (const [value, path] of [
    [{ a: [1n] }, 'value.a[0] is a BigInt'],
    [{ a: { b: Number.NaN } }, 'value.a.b is NaN'],
    [[Number.POSITIVE_INFINITY], 'value[0] is Infinity'],
    [circle, 'value.self.circle leads back to itself'],
    [{ a: () => 1 }, 'value.a is a function'],
    [[Symbol('s')], 'value[0]'],
    [{ a: Symbol('s') }, 'value.a is a symbol'],
    [{ a: new Map([['x', 1]]) }, 'value.a is a Map'],
    [new URLSearchParams('a=1'), 'value is a URLSearchParams'],
    [{ a: [undefined] }, 'value.a[0] is undefined'],
    [{ a: Buffer.from('x') }, 'value.a holds bytes'],
    [() => 1, 'value is function'],
  ] as const) {
    it(`refuses ${path}`, () => expect(textOf(value)).to.include('body cannot be sent as JSON: ').and.include(path));
  }
});
