/** Values against schemas whose patterns have more to try than there is time for. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { z } from 'zod';
import { parseNow, TOO_SLOW } from '../../src/message/parse-now.ts';

const whose = 'the schema of input';
/** Some seconds without a watch, so that a test without one ends. */
const BOMB = `${'a'.repeat(27)}!`;
const issuesOf = (schema: z.ZodType, value: unknown): readonly string[] =>
  (parseNow(schema, value, whose).error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);

describe('a value on which a pattern of its schema backtracks', () => {
  for (const pattern of [
    /^(a+)+$/,
    /^(a+)+$/iu,
    /^(?<named>a+)+$/g,
    /^(\p{L}+)+$/u,
    /^(a|a)+\1$/,
    /^(?=a)(a+)+$/,
    /(?<=b(a+)+)!/,
  ])
    it(`B14: is given up: ${pattern}`, () => {
      const schema = z.object({ items: z.array(z.object({ sku: z.string().regex(pattern) })) });
      expect(issuesOf(schema, { items: [{ sku: BOMB }] })).to.deep.equal([`: ${TOO_SLOW}`]);
    });

  it('B14: is given up where a long text alone takes its time', () => {
    const schema = z.object({ text: z.string().regex(/(\s*,\s*)+x$/) });
    expect(issuesOf(schema, { text: ' '.repeat(60_000) })).to.deep.equal([`: ${TOO_SLOW}`]);
  });

  it('leaves the schema as it was: the next value is read', () => {
    const schema = z.object({ sku: z.string().regex(/^(a+)+$/) });
    for (let again = 0; again < 3; again++) {
      expect(issuesOf(schema, { sku: BOMB })).to.deep.equal([`: ${TOO_SLOW}`]);
      expect(parseNow(schema, { sku: 'aaa' }, whose).data).to.deep.equal({ sku: 'aaa' });
      expect(issuesOf(schema, { sku: 'b' })).to.deep.equal(['sku: Invalid string: must match pattern /^(a+)+$/']);
    }
  });

  it('B14: many of them in one turn take less each', () => {
    const schema = z.object({ sku: z.string().regex(/^(a+)+$/) });
    const { user, system } = process.cpuUsage();
    for (let again = 0; again < 64; again++) expect(issuesOf(schema, { sku: BOMB })).to.deep.equal([`: ${TOO_SLOW}`]);
    const used = process.cpuUsage();
    // At 250 ms each it were 16 s.
    expect((used.user - user + used.system - system) / 1_000).to.be.below(8_000);
  });
});

describe('a value that is watched', () => {
  const backtracking = z.string().regex(/^(a+)+$/);

  it('is tried again where the machine stood still meanwhile', () => {
    let stood = 0;
    const schema = backtracking.refine(() => {
      // Waiting takes no time of the processor.
      if (stood++ === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600);
      return true;
    });
    expect(parseNow(schema, 'aa', whose).data).to.equal('aa');
    expect(stood).to.equal(2);
  });

  it('is tried again where the thread had something else to do, as when it looks through all of its memory', () => {
    let tried = 0;
    const schema = backtracking.refine(() => {
      const beganMs = performance.now();
      if (++tried === 1) while (performance.now() - beganMs < 600);
      return true;
    });
    expect(parseNow(schema, 'aa', whose).data).to.equal('aa');
    expect(tried).to.equal(2);
  });

  it('is tried again where another thread of the process worked meanwhile', async () => {
    const busy = new Worker('for (;;);', { eval: true });
    await once(busy, 'online');
    let stood = 0;
    const schema = backtracking.refine(() => {
      if (stood++ === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600);
      return true;
    });
    try {
      expect(parseNow(schema, 'aa', whose).data).to.equal('aa');
    } finally {
      await busy.terminate();
    }
  });

  it('fits after any number that were given up, where it takes longer than they are given', () => {
    let tookMs = 0;
    const slow = backtracking.refine(() => {
      const beganMs = performance.now();
      while (performance.now() - beganMs < tookMs);
      return true;
    });
    tookMs = 60;
    expect(parseNow(slow, 'aa', whose).success).to.equal(true);
    for (let hostile = 0; hostile < 8; hostile++) expect(issuesOf(slow, BOMB)).to.deep.equal([`: ${TOO_SLOW}`]);
    expect(parseNow(slow, 'aa', whose).success).to.equal(true);
  });

  it('is held against its schema without a watch where the process may open no more files: Node ends it for one', () => {
    const program = fileURLToPath(new URL('../fixtures/no-files-left.ts', import.meta.url));
    const args = [
      '-c',
      'ulimit -n 256 && ulimit -c 0 && exec "$0" "$@"',
      process.execPath,
      ...process.execArgv,
      program,
    ];
    const { stdout, signal } = spawnSync('sh', args, { encoding: 'utf8' });
    expect({ stdout, signal }).to.deep.equal({ stdout: 'true true\n', signal: null });
  });

  it('may be of a schema that makes itself anew without end', () => {
    const node = (): z.ZodType => z.object({ sku: backtracking, children: z.array(z.lazy(() => node())).optional() });
    expect(parseNow(node(), { sku: 'a', children: [{ sku: 'aa' }] }, whose).success).to.equal(true);
    expect(issuesOf(node(), { sku: 'a', children: [{ sku: BOMB }] })).to.deep.equal([`: ${TOO_SLOW}`]);
  });

  it('throws what a refinement throws, and says whose schema waits', () => {
    const broken = backtracking.refine(() => {
      throw new RangeError('on purpose');
    });
    expect(() => parseNow(broken, 'aa', whose)).to.throw(RangeError, 'on purpose');
    const late = backtracking.refine(async () => true);
    expect(() => parseNow(late, 'aa', whose)).to.throw(TypeError, 'the schema of input waits for a promise');
  });

  it('is whatever the schema makes of it, an instance of a class too', () => {
    class Order {
      readonly sku = 'aa';
    }
    const schema = z.object({ sku: backtracking.transform((sku) => sku.length) });
    expect(parseNow(schema, new Order(), whose).data).to.deep.equal({ sku: 2 });
  });
});
