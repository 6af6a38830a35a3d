import { filter, type Observable } from 'rxjs';
import { marbles } from 'sluice/testing';

const everyOther = <T>(source: Observable<T>): Observable<T> => source.pipe(filter((_, index) => index % 2 === 0));

describe('everyOther', () => {
  it(
    'passes the first value, the third, the fifth',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('                        -a-b--(cde)|');
      const expected = '                           -a----(ce)-|';

      expectObservable(everyOther(source)).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe('^----------!');
    }),
  );
});
