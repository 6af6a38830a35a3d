/** What of a value a recording may hold. */
import { expect } from 'chai';
import { z } from 'zod';
import { NOT_RECORDED } from '../../src/recording/recording.ts';
import { type KeptBack, Redaction } from '../../src/recording/redaction.ts';

const SECRET = 'correct horse battery';

/** What is written of a value, after a schema, by a redaction of its own. */
function written(schema: z.ZodType | undefined, value: unknown): { readonly value: unknown; readonly kept: KeptBack } {
  const kept: KeptBack = new Map();
  return { value: new Redaction().described(schema, value, kept), kept };
}

describe('redaction', () => {
  const secret = z.string().meta({ secret: true });

  for (const [what, schema, value, expected] of [
    ['what a schema describes', z.object({ id: z.string(), n: z.int() }), { id: 'a', n: 3 }, { id: 'a', n: 3 }],
    [
      'an enumeration, a literal, null, a boolean',
      z.tuple([z.enum(['a', 'b']), z.literal('c'), z.null(), z.boolean()]),
      ['a', 'c', null, true],
      ['a', 'c', null, true],
    ],
    [
      'a union, by the option that takes the value',
      z.union([z.number(), z.object({ id: z.string() })]),
      { id: 'a' },
      { id: 'a' },
    ],
    ['what lies behind wrappers', z.string().optional().nullable().default('x').readonly().catch('y'), 'a', 'a'],
    ['what goes into a transform', z.string().transform(Number), '17', '17'],
    ['what comes out of a preprocess', z.preprocess((value) => value, z.string()), 'a', 'a'],
    ['a schema that is made late', z.lazy(() => z.array(z.string())), ['a'], ['a']],
    ['records, with their keys', z.record(z.string(), z.number()), { a: 1 }, { a: 1 }],
    [
      'a field that sounds secret and is not',
      z.object({ pin: z.string().meta({ secret: false }) }),
      { pin: 'board' },
      { pin: 'board' },
    ],
  ] as const) {
    it(`writes ${what}`, () => {
      const { value: seen, kept } = written(schema, value);
      expect(seen).to.deep.equal(expected);
      expect(kept.size).to.equal(0);
    });
  }

  it('B14: looks at no text for longer than whoever takes the message does: what was given up is kept back', () => {
    // It fits in the end, after some seconds.
    const sku = `${'a'.repeat(28)}!`;
    const { value } = written(z.object({ sku: z.string().regex(/^(?:(a+)+|a+!)$/) }), { sku });
    expect(value).to.deep.equal({ sku: 'redacted' });
  });

  for (const [what, schema, value] of [
    ['a field that is marked', z.object({ note: secret }), { note: SECRET }],
    ['a field that was marked before it was refined', z.object({ note: secret.min(3).optional() }), { note: SECRET }],
    [
      'all of what is marked as a whole',
      z.object({ note: z.object({ text: z.string() }).meta({ secret: true }) }),
      { note: { text: SECRET } },
    ],
    ['a field whose name says so', z.object({ userPassword: z.string() }), { userPassword: SECRET }],
    [
      'what lies below such a name',
      z.object({ credentials: z.object({ text: z.string() }) }),
      { credentials: { text: SECRET } },
    ],
    ['a field no schema knows', z.object({}), { note: SECRET }],
    ['what is unknown', z.object({ note: z.unknown() }), { note: { deep: [SECRET] } }],
    ['what is any', z.any(), SECRET],
    ['a value without a schema', undefined, [SECRET]],
    ['what fits no option of a union', z.union([z.number(), z.boolean()]), SECRET],
    ['what is of another kind than described', z.object({ note: z.array(z.number()) }), { note: { deep: SECRET } }],
    ['a text where a number is described', z.object({ n: z.number() }), { n: SECRET }],
    ['what a catch would replace', z.object({ n: z.number().catch(0) }), { n: SECRET }],
    ['keys of a record that are marked', z.record(secret, z.number()), { [SECRET]: 1 }],
    ['an element beyond a tuple', z.tuple([z.number()]), [1, SECRET]],
    [
      'parts of an intersection',
      z.intersection(z.object({ note: secret }), z.object({ note: z.string() })),
      { note: SECRET },
    ],
  ] as const) {
    it(`keeps back ${what}`, () => {
      const { value: seen, kept } = written(schema, value);
      expect(JSON.stringify(seen)).to.not.contain(SECRET);
      expect(kept.size).to.be.greaterThan(0);
    });
  }

  for (const [what, schema, value] of [
    ['an address', z.email(), 'ada@example.org'],
    ['a URL', z.url(), 'https://example.org/ada'],
    ['a UUID', z.uuid(), '5e1f9cd4-1c04-4a6b-a3a0-6a8f2f1e7d11'],
    ['a moment', z.iso.datetime(), '2026-11-28T12:00:00.000Z'],
    ['a day', z.iso.date(), '2026-11-28'],
    ['a text of one length', z.string().length(7), 'sesames'],
    ['digits', z.string().regex(/^\d{16}$/), '4242424242424242'],
    ['a pattern of its own', z.string().regex(/^[A-Z]{2}-\d{2}$/i), 'ab-17'],
    ['a choice', z.enum(['red', 'green']), 'green'],
    ['a number in a range', z.number().min(50).max(200), 120],
    ['an integer', z.int().positive(), 7],
  ] as const) {
    it(`replaces ${what} by another that passes its schema`, () => {
      const marked = schema.meta({ secret: true });
      const { value: seen } = written(marked, value);
      expect(seen).to.not.equal(value);
      expect(marked.safeParse(seen).success).to.equal(true);
    });
  }

  it('gives a value one stand-in, and others others', () => {
    const redaction = new Redaction();
    const kept: KeptBack = new Map();
    const first = redaction.described(z.tuple([secret, secret]), ['a secret', 'another'], kept);
    const again = redaction.described(secret, 'a secret', kept);
    expect(first).to.deep.equal([again, 'redacted-2']);
    expect(again).to.equal('redacted-1');
  });

  it('writes of a result what no schema of its taker describes as it was written where it was made, and no secret of his', () => {
    const taker = z.object({
      id: z.string(),
      pin: z.string().meta({ secret: true }),
      hash: z.string().meta({ secret: true }),
    });
    const made = { id: 'a', pin: '4711', hash: 'f00d', state: 'paid', parts: [{ n: 20 }, { n: 21 }], isNew: true };
    const derived = { ...made, hash: NOT_RECORDED, parts: [{ n: 20 }, { n: NOT_RECORDED }] };
    const keptBack: KeptBack = new Map();
    const written = new Redaction().described(taker, made, keptBack, derived);
    expect(written).to.deep.equal({ ...derived, pin: 'redacted-1' });
    expect([...keptBack.keys()]).to.have.members(['4711', 'f00d', '21']);
  });

  it('replaces a secret wherever else it stands in the message', () => {
    const schema = z.object({ name: z.string(), note: z.string(), kind: z.literal('a secret'), password: secret });
    const value = { name: 'a secret', note: 'mine is a secret', kind: 'a secret', password: 'a secret' };
    expect(JSON.stringify(written(schema, value).value)).to.not.contain('a secret');
  });

  describe('of what a handle makes', () => {
    const Input = z.object({ id: z.string(), note: secret });

    function after(input: unknown) {
      const redaction = new Redaction();
      const kept: KeptBack = new Map();
      redaction.described(Input, input, kept);
      return {
        of: (value: unknown) => redaction.derived(value, kept),
        text: (text: string) => redaction.text(text, kept),
      };
    }

    it('writes values that are known, and stand-ins for those that are not to be', () => {
      const { of } = after({ id: 'o-1', note: SECRET });
      expect(of({ order: 'o-1', note: SECRET, isNew: true, none: null })).to.deep.equal({
        order: 'o-1',
        note: 'redacted-1',
        isNew: true,
        none: null,
      });
    });

    it('writes nothing that may be made of a secret', () => {
      const { of } = after({ id: 'o-1', note: SECRET });
      const last = SECRET.slice(-4);
      expect(of([last, SECRET.toUpperCase(), `for ${SECRET}`, SECRET.length])).to.deep.equal(
        new Array(4).fill(NOT_RECORDED),
      );
    });

    it('writes all of it where nothing was kept back', () => {
      const redaction = new Redaction();
      expect(redaction.derived({ text: 'Welcome, ada!', n: 3 }, new Map())).to.deep.equal({
        text: 'Welcome, ada!',
        n: 3,
      });
    });

    it('writes nothing under a name that says so, unless it is known', () => {
      const { of } = after({ id: 'o-1', note: 'x' });
      const redaction = new Redaction();
      const made = { api_key: SECRET, auth: { token: [SECRET, 4711] }, pin: 'o-1', id: 'o-1' };
      expect(redaction.derived(made, new Map())).to.deep.equal({
        api_key: NOT_RECORDED,
        auth: { token: [NOT_RECORDED, NOT_RECORDED] },
        pin: NOT_RECORDED,
        id: 'o-1',
      });
      expect(of({ pin: 'o-1', password: 'x' })).to.deep.equal({ pin: 'o-1', password: 'redacted-1' });
    });

    it('writes no boolean where one was kept back', () => {
      const redaction = new Redaction();
      const kept: KeptBack = new Map();
      const isIll = z.boolean().meta({ secret: true });
      redaction.described(z.object({ isIll }), { isIll: true }, kept);
      expect(redaction.derived({ isUrgent: true }, kept)).to.deep.equal({ isUrgent: NOT_RECORDED });
    });

    it('replaces secrets in ids and addresses', () => {
      const { text } = after({ id: 'o-1', note: SECRET });
      expect(text(`note.${SECRET}`)).to.equal('note.redacted-1');
      expect(text(SECRET)).to.equal('redacted-1');
      expect(text('o-1')).to.equal('o-1');
    });

    it('keeps a name of a member back that is a secret', () => {
      const { of } = after({ id: 'o-1', note: SECRET });
      expect(JSON.stringify(of({ [SECRET]: 'o-1' }))).to.not.contain(SECRET);
    });
  });
});
