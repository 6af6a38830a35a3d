/** Where the patterns of a schema are. */
import { expect } from 'chai';
import { z } from 'zod';
import { patternsOf } from '../../src/message/schema-patterns.ts';
import { versions } from '../../src/message/versions.ts';

const told = (schema: z.ZodType): readonly string[] =>
  patternsOf(schema).patterns.map(({ path, pattern }) => `${path} ${pattern}`.trim());
const text = (pattern: RegExp) => z.string().regex(pattern);

describe('the patterns of a schema', () => {
  it('are found in every part, each with the path to it', () => {
    const schema = z.object({
      sku: text(/a/).min(1).regex(/b/),
      items: z.array(z.object({ code: text(/c/).optional() })),
      pair: z.tuple([text(/d/)], text(/e/)),
      byName: z.record(text(/f/), text(/g/).nullable()),
      either: z.union([text(/h/), z.object({ inner: text(/i/).default('i') })]),
      both: z.intersection(z.object({ left: text(/j/) }), z.object({ right: text(/k/) })),
      piped: z
        .string()
        .transform((value) => value.trim())
        .pipe(text(/l/)),
      late: z.lazy(() => text(/m/)),
      map: z.map(text(/n/), z.set(text(/o/))),
      named: z.stringFormat('named', /p/),
      mail: z.email({ pattern: /q/ }),
      host: z.url({ hostname: /r/ }),
      whole: z.templateLiteral(['x', text(/^s$/)]),
      read: z.codec(text(/t/), text(/u/), { decode: (value) => value, encode: (value) => value }),
    });
    expect(told(schema.catchall(text(/z/)))).to.have.members([
      ...['sku /a/', 'sku /b/', 'items[].code /c/', 'pair[] /d/', 'pair[] /e/', 'byName[] /f/', 'byName[] /g/'],
      ...['either /h/', 'either.inner /i/', 'both.left /j/', 'both.right /k/', 'piped /l/', 'late /m/'],
      ...['map[] /n/', 'map[][] /o/', 'named /p/', 'mail /q/', 'host /r/', 'whole /^xs$/', 'read /t/', 'read /u/'],
      '[] /z/',
    ]);
  });

  it('are those of every version', () => {
    const schema = versions(z.object({ old: text(/a/) })).next(z.object({ new: text(/b/) }), ({ old }) => ({
      new: old,
    }));
    expect(told(schema)).to.deep.equal(['old /a/', 'new /b/']);
    expect(told(z.object({ person: schema }))).to.deep.equal(['person.old /a/', 'person.new /b/']);
  });

  it('are told once of a schema within itself, and not of what asks no pattern', () => {
    const tree: z.ZodType = z.object({ name: text(/a/), children: z.lazy(() => z.array(tree)) });
    expect(told(tree)).to.deep.equal(['name /a/']);
    expect(told(z.string().startsWith('a').endsWith('b').includes('c'))).to.deep.equal([]);
    expect(told(z.object({ n: z.number(), at: z.date(), one: z.literal('x') }))).to.deep.equal([]);
  });

  it('are known where a function makes a schema within itself anew, and gives one and the same for it', () => {
    const node = (): z.ZodType => z.object({ name: text(/a/), children: z.array(z.lazy(node)) });
    expect(told(z.lazy(node))).to.deep.equal(['name /a/']);
    expect(patternsOf(z.lazy(node)).areAll).to.equal(true);
    const item = z.object({
      name: text(/a/),
      get children() {
        return z.array(item);
      },
    });
    expect(patternsOf(item)).to.have.property('areAll', true);
    expect(patternsOf(z.json()).areAll).to.equal(true);
  });

  it('are known of any schema that ends, however large it is', () => {
    const members = Object.fromEntries(Array.from({ length: 4_000 }, (_, n) => [`m${n}`, z.string().optional()]));
    expect(patternsOf(z.object({ ...members, last: text(/a/) }))).to.deep.include({ areAll: true });
    let deep: z.ZodType = text(/a/);
    for (let depth = 0; depth < 60; depth++) deep = z.object({ within: z.array(deep).optional() });
    expect(patternsOf(deep)).to.deep.include({ areAll: true });
    expect(told(deep)).to.have.lengthOf(1);
  });

  const functions: Readonly<Record<string, () => z.ZodType>> = {
    'z.lazy': function node(): z.ZodType {
      return z.object({ name: text(/a/), children: z.array(z.lazy(() => node())) });
    },
    'a getter': function node(): z.ZodType {
      return z.object({
        name: text(/a/),
        get left() {
          return node().optional();
        },
        get right() {
          return node().optional();
        },
      });
    },
    'z.lazy alone': function node(): z.ZodType {
      return z.lazy(() => z.lazy(() => node()));
    },
    'z.lazy that throws': () =>
      z.object({
        name: text(/a/),
        late: z.lazy(() => {
          throw new ReferenceError('on purpose');
        }),
      }),
    'a getter that throws': () =>
      z.object({
        get late(): z.ZodType {
          throw new ReferenceError('on purpose');
        },
      }),
  };
  for (const [title, node] of Object.entries(functions))
    it(`cannot all be known where the schema has no end, or none that can be read: ${title}`, () => {
      expect(patternsOf(node()).areAll).to.equal(false);
    });

  it('are found without asking for a default, which may be made anew each time', () => {
    let asked = 0;
    const schema = text(/a/).default(() => String(++asked));
    expect(told(schema)).to.deep.equal(['/a/']);
    expect(asked).to.equal(0);
  });
});
