import { expect } from 'chai';
import fc from 'fast-check';
import { readJson } from '../../src/message/json.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const faultOf = (body: Uint8Array): string => {
  const reading = readJson(body);
  return reading.ok ? 'accepted' : reading.refusal.fault;
};

describe('readJson', () => {
  it('reads whatever JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 20, noUnicodeString: false }), (value) => {
        const text = JSON.stringify(value);
        if (/__proto__|\d{16}|\de/.test(text)) return;
        expect(readJson(bytes(text))).to.deep.equal({ ok: true, value: JSON.parse(text) });
      }),
    );
  });

  for (const [title, text, fault] of [
    ['an empty body', '', 'parse'],
    ['a truncated body', '{"a":1', 'parse'],
    ['a trailing comma', '[1,]', 'parse'],
    ['two values', '{}{}', 'parse'],
    ['a byte order mark', '\ufeff{}', 'encoding'],
    ['B9: an id beyond 2^53', '{"id":9007199254740993}', 'number'],
    ['a negative id beyond 2^53', '{"id":-9007199254740993}', 'number'],
    ['an id beyond 2^53 with a fraction of zero', '[12345678901234567.0]', 'number'],
    ['an id beyond 2^53 with an exponent of zero', '[9007199254740993e0]', 'number'],
    ['a large power of ten', '[1e300]', 'accepted'],
    ['1e999', '[1e999]', 'number'],
    ['-1E999', '[-1E999]', 'number'],
    ['nesting of 101', `${'['.repeat(101)}${']'.repeat(101)}`, 'depth'],
    ['B4: nesting of 200 000', '['.repeat(200_000), 'depth'],
    ['nesting of 100', `${'['.repeat(100)}${']'.repeat(100)}`, 'accepted'],
    ['2^53 - 1', '[9007199254740991]', 'accepted'],
    ['a long fraction', '[0.12345678901234567890]', 'accepted'],
    ['digits and brackets inside a string', `["9007199254740993 ${'['.repeat(200)} 1e999 \\" [[ \\\\"]`, 'accepted'],
    ['minus zero', '[-0]', 'accepted'],
  ] as const) {
    it(`${fault === 'accepted' ? 'accepts' : 'refuses'} ${title}`, () => expect(faultOf(bytes(text))).to.equal(fault));
  }

  for (const [text, why] of [
    ['{"id":9007199254740992}', 'from 2^53 on with more than 15 digits (at position 6)'],
    ['[9007199254740993]', 'from 2^53 on with more than 15 digits (at position 1)'],
    ['[-1e999]', 'beyond the range of doubles (at position 2)'],
  ] as const) {
    it(`says of ${text} which number it does not take`, () =>
      expect(readJson(bytes(text))).to.deep.equal({
        ok: false,
        refusal: { fault: 'number', message: `body holds a number ${why}` },
      }));
  }

  it('B3: refuses malformed UTF-8 instead of replacing it', () => {
    expect(faultOf(Uint8Array.of(0x22, 0xff, 0x22))).to.equal('encoding');
  });

  it('B2: names a position and never the content', () => {
    const reading = readJson(bytes('{"password":"hunter2",}'));
    expect(reading).to.deep.include({ ok: false });
    expect(JSON.stringify(reading))
      .to.match(/position \d+|malformed/)
      .and.not.include('hunter2');
  });

  for (const [title, key] of [
    ['as it is', '"__proto__"'],
    ['escaped', '"\\u005f_proto__"'],
    ['with an escaped letter', '"__\\u0070roto__"'],
    ['escaped otherwise', '"_\\u005Fproto__"'],
  ] as const) {
    it(`B8: drops a key __proto__ written ${title}, and pollutes nothing`, () => {
      const reading = readJson(bytes(`{"a":1,"b":{${key}:{"polluted":true}}}`));
      expect(reading).to.deep.equal({ ok: true, value: { a: 1, b: {} } });
      expect(Object.hasOwn((reading as { value: { b: object } }).value.b, '__proto__')).to.equal(false);
      expect(({} as { polluted?: boolean }).polluted).to.equal(undefined);
    });
  }

  it('B9: takes the last of duplicate keys', () => {
    expect(readJson(bytes('{"id":"1","id":"2"}'))).to.deep.equal({ ok: true, value: { id: '2' } });
  });
});
