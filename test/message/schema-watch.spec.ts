/** Which values are watched, and how much time they get. */
import { expect } from 'chai';
import { z } from 'zod';
import { SchemaWatch } from '../../src/message/schema-watch.ts';
import { sizeOf } from '../../src/message/value-size.ts';

const watch = (...patterns: readonly RegExp[]): SchemaWatch =>
  new SchemaWatch(z.array(z.union(patterns.map((pattern) => z.string().regex(pattern)))));

const limitMs = (of: SchemaWatch, value: unknown, nowMs = 0): number | undefined => of.timeFor(value, nowMs)?.limitMs;

describe('the watch over a schema', () => {
  it('leaves values alone where no pattern may take its time, however long they are', () => {
    const mild = watch(/^[a-z]+$/, /^[a-z0-9]+(?:-[a-z0-9]+)*$/);
    expect(limitMs(mild, 'a'.repeat(1_000_000))).to.equal(undefined);
    expect(limitMs(watch(), 'a'.repeat(1_000_000))).to.equal(undefined);
  });

  it('goes by all texts together, names and numbers too, where a pattern takes its time on long ones', () => {
    const square = watch(/^[^\s@]+@[^\s@]+\.[^\s@]+$/, /^a+$/);
    expect(limitMs(square, { mail: 'a'.repeat(1_200) })).to.equal(undefined);
    expect(limitMs(square, { mail: ['a'.repeat(1_300)] })).to.be.a('number');
    expect(limitMs(square, { ['a'.repeat(1_300)]: 1 })).to.be.a('number');
    expect(limitMs(square, Array(4).fill('a'.repeat(400)))).to.be.a('number');
    expect(limitMs(square, Array(200).fill(1_234_567))).to.be.a('number');
  });

  it('has shorter texts watched where several such patterns may look at one', () => {
    const text = 'a'.repeat(600);
    expect(limitMs(watch(/a.*b/), text)).to.equal(undefined);
    expect(limitMs(watch(/a.*b/, /a.*c/, /a.*d/, /a.*e/), text)).to.be.a('number');
    expect(limitMs(watch(/a.*b/, /a.*b/, /a.*b/, /^a$/), text)).to.equal(undefined);
  });

  it('has any value watched where a short text will do', () => {
    expect(limitMs(watch(/^(a+)+$/), 'a')).to.equal(251);
    expect(limitMs(watch(/^(a+)+$/), 1)).to.equal(251);
  });

  it('has any value watched of a schema whose patterns cannot all be known', () => {
    const node = (): z.ZodType => z.object({ children: z.lazy(() => z.array(node())) });
    expect(limitMs(new SchemaWatch(node()), 'a')).to.equal(251);
  });

  it('gives what is larger more time', () => {
    const backtracking = watch(/^(a+)+$/);
    expect(limitMs(backtracking, 'a'.repeat(1_000_000))).to.equal(301);
    expect(limitMs(backtracking, Array(50_000).fill(''))).to.equal(753);
    // Nobody sees what is in it.
    expect(limitMs(backtracking, new Map())).to.equal(251);
  });

  it('gives a tenth for the size, too, once enough was lost: whoever sends hostile values makes them large', () => {
    const backtracking = watch(/^(a+)+$/);
    const large = Array(100_000).fill('');
    expect(limitMs(backtracking, large)).to.equal(1_256);
    backtracking.learnRefused(1_256, 0);
    expect(limitMs(backtracking, large)).to.equal(111);
    // Unless sound ones take it.
    backtracking.learnSound(300, { limitMs: 1_256, fullMs: 1_256 });
    expect(limitMs(backtracking, large)).to.equal(600);
  });

  it('has ready what zod makes of a schema when it is first asked: a parse that is ended meanwhile leaves it half made for good', () => {
    const kind = z.literal('a');
    let asked = 0;
    Object.defineProperty(kind._zod, 'values', { get: () => new Set(['a', ++asked]) });
    const schema = z.discriminatedUnion('kind', [z.object({ kind, sku: z.string().regex(/^(a+)+$/) })]);
    new SchemaWatch(schema);
    const before = asked;
    expect(schema.safeParse({ kind: 'a', sku: 'aa' }).success).to.equal(true);
    expect([before, asked]).to.deep.equal([before, before]);
    expect(before).to.be.above(0);
  });

  it('gives less the more was lost on refused values, and all of it again with time', () => {
    const backtracking = watch(/^(a+)+$/);
    const lose = () => {
      const ms = limitMs(backtracking, '') ?? 0;
      backtracking.learnRefused(ms, 0);
      return ms;
    };
    expect(Array.from({ length: 8 }, lose)).to.deep.equal([251, 188, 141, 106, 79, 59, 45, 33]);
    expect(Array.from({ length: 120 }, lose).slice(-3)).to.deep.equal([11, 11, 11]);
    expect([1_000, 2_000, 4_000, 9_000].map((nowMs) => limitMs(backtracking, '', nowMs))).to.deep.equal([
      63, 126, 251, 251,
    ]);
  });

  it('refuses no sound value for ever: there are again times in which a slow one has time enough', () => {
    const slowSoundMs = 200;
    const backtracking = watch(/^(a+)+$/);
    for (let hostile = 0; hostile < 200; hostile++) backtracking.learnRefused(250, 0);
    let nowMs = 0;
    let tries = 0;
    // It comes again each second, and what it takes until it is refused is lost too.
    for (; (limitMs(backtracking, '', nowMs) ?? 0) < slowSoundMs; nowMs += 1_000, tries++)
      backtracking.learnRefused(limitMs(backtracking, '', nowMs) ?? 0, nowMs);
    expect(tries).to.be.within(3, 10);
  });

  it('bears a clock that is set: what was lost is forgotten no later', () => {
    const backtracking = watch(/^(a+)+$/);
    backtracking.learnRefused(1_000, 1_000_000);
    expect(limitMs(backtracking, '', 1_000_000)).to.equal(11);
    expect(limitMs(backtracking, '', 900_000)).to.equal(251);
    backtracking.learnRefused(-50_000, 900_000);
    backtracking.learnSound(-50_000, { limitMs: 250, fullMs: 250 });
    expect(limitMs(backtracking, '', 900_000)).to.equal(251);
  });

  it('gives sound values what they took before, however many hostile ones come, as long as such are seen', () => {
    const backtracking = watch(/^(a+)+$/);
    backtracking.learnSound(60, { limitMs: 250, fullMs: 250 });
    for (let hostile = 0; hostile < 200; hostile++) backtracking.learnRefused(250, 0);
    expect(limitMs(backtracking, '')).to.equal(121);
    // What was slow by chance alone is forgotten.
    for (let sound = 0; sound < 300; sound++) backtracking.learnSound(0.1, { limitMs: 250, fullMs: 250 });
    expect(limitMs(backtracking, '')).to.equal(11);
    // What the size gives is not counted twice.
    backtracking.learnSound(40, { limitMs: 10_250, fullMs: 10_250 });
    expect(limitMs(backtracking, '')).to.equal(11);
    backtracking.learnSound(10_000, { limitMs: 250, fullMs: 250 });
    expect(limitMs(backtracking, '')).to.equal(251);
  });
});

describe('the size of a value', () => {
  it('is of all its texts and names, and of what else may become a text', () => {
    expect(sizeOf({ ab: 'abc', list: ['a', { b: null, c: 1 }] })).to.deep.equal({ characters: 19, parts: 7 });
    expect(sizeOf(undefined)).to.deep.equal({ characters: 9, parts: 1 });
    expect(sizeOf(Object.assign(Object.create(null), { a: 'b' }))).to.include({ characters: 2 });
    expect(sizeOf([new Uint8Array(10), new Date(0)]).characters).to.equal(12);
    expect(sizeOf(10n ** 5_000n).characters).to.equal(5_001);
  });

  it('has no bound where nobody can tell', () => {
    class Holder {
      readonly text = '';
    }
    const around: unknown[] = [];
    around.push(around, around);
    const never = new Proxy({}, { getPrototypeOf: () => Object.prototype, ownKeys: () => thrown() });
    const endless: unknown = new Proxy([], { get: (_, name) => (name === 'length' ? 1 : endless) });
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const many = Array(1_000_001);
    for (const value of [new Map(), new Holder(), { deep: [new Set()] }, many, around, never, endless, proxy])
      expect(sizeOf(value).characters).to.equal(Number.POSITIVE_INFINITY);
  });

  it('has none where a getter throws', () => {
    const value = Object.defineProperty({}, 'text', { enumerable: true, get: () => thrown() });
    expect(sizeOf({ value }).characters).to.equal(Number.POSITIVE_INFINITY);
  });

  const thrown = (): never => {
    throw new Error('on purpose');
  };
});
