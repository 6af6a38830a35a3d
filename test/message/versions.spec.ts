/** Versions of a message and how old ones are lifted to the newest. */
import { expect } from 'chai';
import { expectTypeOf } from 'expect-type';
import * as fc from 'fast-check';
import { z } from 'zod';
import { versions } from '../../src/message/versions.ts';

const V1 = z.object({ name: z.string() });
const V2 = z.object({ first: z.string(), last: z.string() });
const V3 = z.object({ version: z.literal(3), first: z.string(), last: z.string(), vip: z.boolean() });

const Person = versions(V1, { missing: 1 })
  .next(V2, ({ name }) => ({ first: name.split(' ')[0] ?? '', last: name.split(' ')[1] ?? '' }))
  .next(V3, (person) => ({ ...person, version: 3 as const, vip: false }));
const issues = (value: unknown): readonly string[] =>
  (Person.safeParse(value).error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);

describe('versions', () => {
  it('gives the newest for a message of any version, of the newest’s type', () => {
    const newest = { version: 3, first: 'Ada', last: 'L', vip: false };
    for (const old of [
      { name: 'Ada L' },
      { version: 1, name: 'Ada L' },
      { version: 2, first: 'Ada', last: 'L' },
      newest,
    ])
      expect(Person.parse(old)).to.deep.equal(newest);
    expectTypeOf<z.output<typeof Person>>().toEqualTypeOf<z.output<typeof V3>>();
    // @ts-expect-error -- not a message of the next version
    versions(V1).next(V2, () => ({ first: 'Ada' }));
  });

  it('says which versions there are, and what of a version does not fit', () => {
    for (const version of [4, 0, 1.5, 'x', null, '__proto__'])
      expect(issues({ version }), String(version)).to.deep.equal(['version: is none of the known versions 1, 2, 3']);
    expect(issues({ version: 2, first: 'Ada' })[0]).to.match(/^last: .* \(version 2\)$/);
    expect(issues('text')).to.have.length(1);
    const strict = versions(V1);
    expect(strict.safeParse({ name: 'x' }).error?.issues[0]?.message).to.equal('is missing; known versions are 1');
  });

  it('reads a version written as text, and a member of another name', () => {
    const schema = versions(z.object({ v: z.string() }), { by: 'v' });
    expect(schema.parse({ v: '1' })).to.deep.equal({ v: '1' });
  });

  it('law: lifting step by step is lifting at once', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (first, last) => {
        const name = `${first.replaceAll(' ', '')} ${last.replaceAll(' ', '')}`;
        const lifted = Person.parse({ name });
        expect(Person.parse(lifted)).to.deep.equal(lifted);
        expect(lifted).to.include({ first: first.replaceAll(' ', ''), last: last.replaceAll(' ', '') });
      }),
    );
  });
});
