/** A secret that stands in a file and is replaced, in virtual time. */
import { expect } from 'chai';
import { concat, of, timer } from 'rxjs';
import { mergeMap } from 'rxjs/operators';
import { apiKey, basic, bearer, type HeaderAuth } from '../../src/http/auth.ts';
import type { Transport } from '../../src/http/transport.ts';
import { Secret } from '../../src/setting.ts';
import { bound, codes, inVirtualTime, ok, status } from './scripted-transport.ts';

/** A secret in a file whose reads are counted. */
function inFile(text: string) {
  const file = { text, reads: 0, isGone: false };
  const secret = {
    kind: 'setting',
    name: 'KEY',
    canChange: () => true,
    read: () => {
      file.reads++;
      if (file.isGone) throw new Error('the file is gone');
      return new Secret(file.text);
    },
  } as const;
  return { file, secret };
}

/** An API that takes one value of one header, and what it was shown. */
function apiThatTakes(header: string, accepted: { value: string }, refusal = 401) {
  const shown: (string | undefined)[] = [];
  const transport: Transport = ({ headers }) => {
    shown.push(headers[header]);
    return of(headers[header] === accepted.value ? ok('done') : status(refusal));
  };
  return { shown, transport };
}

const options = (auth: HeaderAuth) => ({ baseUrl: 'http://api.test', auth, retry: false as const });

describe('a secret in a file', () => {
  for (const refusal of [401, 403])
    it(
      `is read again where the API answers ${refusal}, and the call made once more within its attempt`,
      inVirtualTime(({ flush, expectObservable }) => {
        const { file, secret } = inFile('old');
        const accepted = { value: 'old' };
        const { shown, transport } = apiThatTakes('x-api-key', accepted, refusal);
        const { api } = bound(options(apiKey('x-api-key', secret)), transport);
        const replaced = timer(10).pipe(
          mergeMap(() => {
            accepted.value = file.text = 'new';
            return concat(api.get('/b'), api.get('/c'));
          }),
        );
        expectObservable(concat(api.get('/a'), replaced)).toBe('d 9ms (dd|)', { d: 'done' });
        flush();
        expect(shown).to.deep.equal(['old', 'old', 'new', 'new']);
        expect(file.reads, 'at start and at the refusal').to.equal(2);
      }),
    );

  it(
    'is read once a second at most, and a refusal stands where it is the same, gone or no header',
    inVirtualTime(({ flush, expectObservable }) => {
      const { file, secret } = inFile('old');
      const { shown, transport } = apiThatTakes('authorization', { value: 'Bearer other' });
      const { api } = bound(options(bearer(secret)), transport);
      const call = () => api.get('/x').pipe(codes);
      const refused = { r: 'ERR_HTTP_STATUS' };
      for (const at of [1, 2, 999]) expectObservable(timer(at).pipe(mergeMap(call))).toBe(`${at}ms (r|)`, refused);
      expectObservable(
        timer(1_001).pipe(
          mergeMap(() => {
            file.isGone = true;
            return call();
          }),
        ),
      ).toBe('1001ms (r|)', refused);
      expectObservable(
        timer(2_001).pipe(
          mergeMap(() => {
            file.isGone = false;
            file.text = 'two\r\nlines';
            return call();
          }),
        ),
      ).toBe('2001ms (r|)', refused);
      flush();
      expect(file.reads).to.equal(4);
      expect(new Set(shown)).to.deep.equal(new Set(['Bearer old']));
    }),
  );

  it('can change only where it stands in a file', () => {
    const { secret } = inFile('x');
    expect([apiKey('k', secret), bearer(secret), basic('u', secret)].every((auth) => auth.canChange())).to.equal(true);
    expect([apiKey('k', 'x'), bearer(new Secret('x')), basic('u', 'x')].some((auth) => auth.canChange())).to.equal(
      false,
    );
  });
});
