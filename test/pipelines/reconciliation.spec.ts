/** The welcome e-mails as marbles: two lists page by page, repairs, and the report. A frame is a millisecond. */
import { expect } from 'chai';
import fc from 'fast-check';
import { lastValueFrom, map, of, timer, toArray } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { exchange } from 'sluice';
import { ack, call, deadLetter, httpError, marbles as marblesOf, ok, published } from 'sluice/testing';
import { type Compared, comparePages, type PagedList } from '../../pipelines/reconciliation/compare-pages.ts';
import welcomeMails from '../../pipelines/reconciliation/welcome-mails.ts';

const marbles = marblesOf<'ums' | 'email'>;

const firing = { scheduledAt: '1970-01-01T00:00:00.000Z' };
const user = (name: string) => ({ id: `user-${name}`, username: name, email: `${name}@example.com` });
const mail = (name: string) => ({ to: `${name}@example.com` });
const send = (name: string) =>
  call('email', 'POST /send-email', {
    body: { to: `${name}@example.com`, subject: 'Welcome', body: `Welcome, ${name}!`, template: 'welcome-email' },
  });
const report = (counts: object) =>
  published(exchange('reconciliation', 'welcome-mails.compared'), {
    scheduled_at: firing.scheduledAt,
    complete: 0,
    repaired: 0,
    failed: 0,
    strangers: 0,
    ...counts,
  });

describe('the reconciliation of welcome e-mails', () => {
  it(
    'reads both lists page by page, sends what is missing, and reports',
    marbles(welcomeMails, ({ deliver, api, expectCalls, expectPublished, expectSettled }) => {
      deliver('                            a', { a: firing });
      api.ums.on('GET /users', ['          ----(u|)', '----(v|)'], {
        u: ok({ items: [user('ada'), user('bob')], next: 'bob@example.com' }),
        v: ok({ items: [user('cyd')] }),
      });
      api.email.on('GET /emails', '        ----(m|)', {
        m: ok({ items: [mail('ada'), mail('ada'), mail('cyd'), mail('zoe')] }),
      });
      api.email.on('POST /send-email', '   -(r|)', { r: ok() });

      expectCalls('                        (um)bv---', {
        u: call('ums', 'GET /users', { query: { limit: '100' } }),
        m: call('email', 'GET /emails'),
        b: send('bob'),
        v: call('ums', 'GET /users', { query: { limit: '100', after: 'bob@example.com' } }),
      });
      expectPublished('                    ---------p', { p: report({ complete: 2, repaired: 1, strangers: 1 }) });
      expectSettled('                      ---------A', { A: ack(firing) });
    }),
  );

  it(
    'counts what could not be repaired, which keeps no other from it',
    marbles(welcomeMails, ({ deliver, api, expectPublished }) => {
      deliver('                           a---', { a: firing });
      api.ums.on('GET /users', '          -(u|)', { u: ok({ items: [user('ada'), user('bob')] }) });
      api.email.on('GET /emails', '       -(m|)', { m: ok({ items: [] }) });
      api.email.on('POST /send-email', ['-#', '-(r|)'], { r: ok() }, httpError(422));

      expectPublished('                   --p-', { p: report({ repaired: 1, failed: 1 }) });
    }),
  );

  it(
    'is dead-lettered where a list cannot be read, having given up the other',
    marbles(welcomeMails, ({ deliver, api, expectSettled }) => {
      deliver('                     a--', { a: firing });
      api.ums.on('GET /users', '    -#', {}, httpError(403));
      api.email.on('GET /emails', ' ---', {});

      expectSettled('               -D-', { D: deadLetter(firing, 'ERR_HTTP_STATUS') });
    }),
  );
});

describe('comparePages', () => {
  const keys = fc
    .uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 40 })
    .map((numbers) => numbers.map((n) => String(n).padStart(3, '0')).sort());

  /** A list in pages of that size; empty pages may come in between. */
  const paged = (items: readonly string[], size: number, delayMs: number): PagedList<string> => ({
    page: (cursor) => {
      const from = cursor === undefined ? 0 : Number(cursor);
      const next = from + size < items.length ? String(from + size) : undefined;
      return timer(delayMs).pipe(map(() => ({ items: items.slice(from, from + size), next })));
    },
    keyOf: (item) => item,
  });

  const compared = (left: PagedList<string>, right: PagedList<string>): readonly Compared<string, string>[] => {
    let all: readonly Compared<string, string>[] | undefined;
    new TestScheduler(() => {}).run(({ flush }) => {
      comparePages(left, right, of, 1)
        .pipe(toArray())
        .subscribe((values) => (all = values));
      flush();
    });
    return all ?? expect.fail('it did not complete');
  };

  it('law: finds what two sorted lists have in common and what they have not, whatever the pages', () => {
    const sizes = fc.integer({ min: 1, max: 7 });
    fc.assert(
      fc.property(
        keys,
        keys,
        sizes,
        sizes,
        fc.integer({ min: 0, max: 3 }),
        (left, right, leftSize, rightSize, delayMs) => {
          const found = compared(paged(left, leftSize, delayMs), paged(right, rightSize, 1));
          const keysOf = (kind: string) =>
            found.filter((one) => one.kind === kind).map((one) => (one.kind === 'right' ? one.right : one.left));
          expect(keysOf('both')).to.deep.equal(left.filter((key) => right.includes(key)));
          expect(keysOf('left')).to.deep.equal(left.filter((key) => !right.includes(key)));
          expect(keysOf('right')).to.deep.equal(right.filter((key) => !left.includes(key)));
        },
      ),
    );
  });

  it('takes repetitions of a key for one, also over the end of a page', () => {
    const found = compared(paged(['a', 'a', 'a', 'b'], 2, 0), paged(['a', 'a', 'a', 'a', 'c', 'c'], 3, 0));
    expect(found.map(({ kind }) => kind)).to.deep.equal(['both', 'left', 'right']);
  });

  it('takes lists of any length: no page stands on those before it', () => {
    const many = Array.from({ length: 20_000 }, (_, n) => String(n).padStart(6, '0'));
    const found = compared(paged(many, 1, 1), paged(many.slice(0, -1), 1, 1));
    expect(found).to.have.length(many.length);
    expect(found.filter(({ kind }) => kind === 'left')).to.have.length(1);
  });

  it('fails where a list is not sorted', async () => {
    const failure = await lastValueFrom(comparePages(paged(['b', 'a'], 1, 0), paged([], 1, 0), of, 1)).catch(
      (error: unknown) => error,
    );
    expect(failure).to.be.instanceOf(RangeError);
  });

  it('reads no further while what is found is worked on', () => {
    const pages: string[] = [];
    const list = paged(['a', 'b', 'c', 'd'], 2, 0);
    const watched: PagedList<string> = {
      ...list,
      page: (cursor) => {
        pages.push(cursor ?? 'first');
        return list.page(cursor);
      },
    };
    new TestScheduler(() => {}).run(({ flush }) => {
      const work = () => timer(1_000_000);
      const running = comparePages(watched, paged([], 1, 0), work, 1).subscribe();
      timer(1_000).subscribe(() => running.unsubscribe());
      flush();
    });
    expect(pages).to.deep.equal(['first']);
  });
});
