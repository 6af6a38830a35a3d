/** Where the patterns of a schema are. */
import { expect } from 'chai';
import { z } from 'zod';
import { patternsOf } from '../../src/message/schema-patterns.ts';
import { versions } from '../../src/message/versions.ts';

const told = (schema: z.ZodType): readonly string[] =>
  patternsOf(schema).map(({ path, pattern }) => `${path} ${pattern}`.trim());
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

  it('are found without asking for a default, which may be made anew each time', () => {
    let asked = 0;
    const schema = text(/a/).default(() => String(++asked));
    expect(told(schema)).to.deep.equal(['/a/']);
    expect(asked).to.equal(0);
  });
});
