import { expect } from 'chai';
import { z } from 'zod';
import { ResponseInvalidError } from '../../src/errors.ts';
import { readAnswer } from '../../src/http/answer.ts';
import { TOO_SLOW } from '../../src/message/parse-now.ts';

const call = { api: 'payment', operation: 'GET /x' };
const read = (body: string | Buffer, contentType?: string, schema?: z.ZodType, status = 200) =>
  readAnswer(
    call,
    { status, headers: contentType === undefined ? {} : { 'content-type': contentType }, body: Buffer.from(body) },
    schema,
  );
const Charge = z.object({ id: z.string(), lines: z.array(z.object({ price: z.number() })) });

describe('readAnswer', () => {
  it('parses JSON of any spelling', () => {
    for (const type of ['application/json', 'Application/JSON; charset=utf-8', 'application/problem+json', 'text/json'])
      expect(read('{"a":1}', type)).to.deep.equal({ a: 1 });
  });

  it('gives what the schema makes of it', () => {
    expect(read('{"n":"7","extra":1}', 'application/json', z.object({ n: z.coerce.number() }))).to.deep.equal({ n: 7 });
    expect(read('', 'application/json', z.undefined(), 204)).to.equal(undefined);
    expect(read('plain', 'text/plain', z.string())).to.equal('plain');
  });

  it('says of a schema that waits for a promise that it does', () => {
    const late = z.object({ id: z.string().refine(async () => true) });
    expect(() => read('{"id":"a"}', 'application/json', late)).to.throw(
      TypeError,
      'the schema of response waits for a promise (an async refine or transform): ask for it in the handle instead',
    );
  });

  it('B14: refuses what is made for a pattern of the schema that backtracks, and says so', () => {
    const schema = z.object({ id: z.string().regex(/^(a+)+$/) });
    expect(() => read(JSON.stringify({ id: `${'a'.repeat(27)}!` }), 'application/json', schema)).to.throw(
      ResponseInvalidError,
      `answer does not fit the schema: the whole answer (${TOO_SLOW})`,
    );
    expect(read('{"id":"aa"}', 'application/json', schema)).to.deep.equal({ id: 'aa' });
  });

  it('takes a body without a type for JSON where a schema says what to expect, else for bytes', () => {
    expect(read('{"a":1}', undefined, z.object({ a: z.number() }))).to.deep.equal({ a: 1 });
    expect(read('{"a":1}')).to.be.instanceOf(Uint8Array);
  });

  it('names what does not fit by path and kind, never by value', () => {
    const secret = 'canary';
    expect(() => read(JSON.stringify({ id: 5, lines: [{ price: secret }] }), 'application/json', Charge)).to.throw(
      ResponseInvalidError,
      /^payment GET \/x: answer does not fit the schema: id \(invalid_type, expected string\), lines\[0\]\.price \(invalid_type, expected number\)$/,
    );
    const keys = Array.from({ length: 7 }, (_, index) => `${index}${'x'.repeat(50)}`);
    expect(() =>
      read(
        JSON.stringify(Object.fromEntries(keys.map((key) => [key, secret]))),
        'application/json',
        z.strictObject({}),
      ),
    ).to.throw(
      ResponseInvalidError,
      `the whole answer (unrecognized_keys: ${keys
        .slice(0, 5)
        .map((key) => key.slice(0, 40))
        .join(', ')} and 2 more)`,
    );
    const telling = z.string().refine(() => false, { error: (issue) => `bad ${String(issue.input)}` });
    try {
      read(JSON.stringify(secret), 'application/json', telling);
      expect.fail('fits');
    } catch (error) {
      expect(JSON.stringify([error, String(error), (error as Error).stack])).to.not.include(secret);
    }
  });

  it('says what a schema wants, where the schema says so in numbers or by a name', () => {
    const bounded = z.object({
      a: z.number().min(3),
      b: z.string().max(2),
      c: z.email(),
      d: z.number().gt(0).lt(9),
      e: z.enum(['x']),
    });
    const mistakes = (value: object): string => {
      try {
        read(JSON.stringify(value), 'application/json', bounded);
        return 'fits';
      } catch (error) {
        return String(error);
      }
    };
    expect(mistakes({ a: 2, b: 'abc', c: 'canary', d: 0, e: 'canary' })).to.match(
      /: a \(too_small, expected at least 3\), b \(too_big, expected at most 2\), c \(invalid_format, expected email\), d \(too_small, expected more than 0\), e \(invalid_value\)$/,
    );
    expect(mistakes({ a: 3, b: 'ab', c: 'a@b.example', d: 9, e: 'x' })).to.match(
      /: d \(too_big, expected less than 9\)$/,
    );
  });

  it('lists a handful of mistakes', () => {
    const lines = Array.from({ length: 50 }, () => ({}));
    expect(() => read(JSON.stringify({ id: '1', lines }), 'application/json', Charge)).to.throw(/and 45 more$/);
  });

  it('refuses a page, nothing and bytes where a schema wants an object, and says what came', () => {
    expect(() => read('<h1>hi</h1>', 'text/html; charset=utf-8', Charge)).to.throw(
      ResponseInvalidError,
      'the whole answer (invalid_type, expected object) (content type text/html)',
    );
    expect(() => read('', 'application/json', Charge)).to.throw(ResponseInvalidError);
    expect(() => read('{}', 'application/octet-stream', Charge)).to.throw(
      ResponseInvalidError,
      'content type application/octet-stream',
    );
    expect(() => read('{}', 'application/octet\nstream', Charge)).to.throw(
      ResponseInvalidError,
      'content type unreadable',
    );
  });

  it('refuses a page nobody asked for, also without a schema', () => {
    for (const type of ['text/html', 'text/html; charset=utf-8', 'application/xhtml+xml'])
      expect(() => read('<h1>hi</h1>', type)).to.throw(ResponseInvalidError, 'give { response: z.string() }');
    expect(read('', 'text/html')).to.equal(undefined);
    expect(read('<h1>hi</h1>', 'text/html', z.string())).to.equal('<h1>hi</h1>');
  });

  it('refuses broken JSON, also without a schema, and never gives it as text', () => {
    for (const body of [
      '{"a":',
      '{"a":1,}',
      '<html>',
      '\ufeff{}',
      '{"a":9007199254740993}',
      '['.repeat(1000) + ']'.repeat(1000),
    ]) {
      expect(() => read(body, 'application/json')).to.throw(ResponseInvalidError, 'answer is no acceptable JSON');
    }
    expect(() => read(Buffer.from([0x22, 0xff, 0x22]), 'application/json')).to.throw(
      ResponseInvalidError,
      'not valid UTF-8',
    );
  });

  it('reads text in the charset it names, and refuses what is not', () => {
    expect(read(Buffer.from([0xe9]), 'text/plain; charset=ISO-8859-1')).to.equal('é');
    expect(() => read(Buffer.from([0xe9]), 'text/plain')).to.throw(
      ResponseInvalidError,
      'answer is not text in "utf-8"',
    );
    expect(() => read('a', 'text/plain; charset=klingon')).to.throw(ResponseInvalidError, 'klingon');
  });

  it('leaves prototypes alone', () => {
    const value = read('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}', 'application/json');
    expect(Object.getPrototypeOf(value)).to.equal(Object.prototype);
    expect('polluted' in {}).to.equal(false);
  });
});
