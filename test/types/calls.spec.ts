/** What the types promise of a call: an Observable wherever one is taken, and no promise. Checked by the compiler; the functions are never called. */
import { expectTypeOf } from 'expect-type';
import {
  catchError,
  combineLatest,
  concat,
  concatMap,
  defer,
  EMPTY,
  exhaustMap,
  firstValueFrom,
  forkJoin,
  from,
  iif,
  lastValueFrom,
  map,
  merge,
  mergeMap,
  type Observable,
  type ObservableInput,
  type ObservedValueOf,
  of,
  race,
  switchMap,
  toArray,
  zip,
} from 'rxjs';
import {
  type Api,
  type Call,
  definePipeline,
  gather,
  gatherSettled,
  optional,
  queue,
  type Service,
  saga,
} from 'sluice';
import { fallbackTo, mergeMapByKey, retryWithBackoff, timeoutWithin } from 'sluice/operators';
import { z } from 'zod';

const Charge = z.object({ id: z.string() });
type Charge = z.infer<typeof Charge>;
const Numbered = [z.literal(0), z.literal(1), z.literal(2), z.literal(3)] as const;

declare const bank: Api;
declare const rates: Service<{ readonly quote: { readonly request: typeof Charge; readonly answer: typeof Charge } }>;
declare const call: Call<Charge>;
declare const untold: Call<unknown>;
declare const isLarge: boolean;
declare function taken<T>(make: () => ObservableInput<T>): T;

describe('the types of a call', () => {
  it('are those of every method, narrowed by a schema', () => {
    const response = { response: Charge };
    expectTypeOf(() => bank.get('/x', response)).returns.toEqualTypeOf<Call<Charge>>();
    expectTypeOf(() => bank.post('/x', 1, response)).returns.toEqualTypeOf<Call<Charge>>();
    expectTypeOf(() => bank.put('/x', 1, response)).returns.toEqualTypeOf<Call<Charge>>();
    expectTypeOf(() => bank.patch('/x', 1, response)).returns.toEqualTypeOf<Call<Charge>>();
    expectTypeOf(() => bank.delete('/x', response)).returns.toEqualTypeOf<Call<Charge>>();
    expectTypeOf(() => bank.post('/x')).returns.toEqualTypeOf<Call<unknown>>();
    expectTypeOf(() => rates.ask('quote', { id: 'x' })).returns.toEqualTypeOf<Call<Charge>>();
  });

  /* eslint-disable @typescript-eslint/await-thenable -- it says so too, where it is asked */
  // Of each type of call the compiler tells one place at a time: hence one for each.
  it('refuse to be awaited, or returned out of an async function', () => {
    // @ts-expect-error it waits for nothing
    void (async () => await bank.get('/x', { response: Numbered[0] }));
    // @ts-expect-error nor where the answer is left alone
    void (async () => void (await bank.post('/x')));
    // @ts-expect-error nor of a service
    void (async () => await rates.ask('quote', { id: 'x' }));
    // @ts-expect-error nor where it is handed on
    void (async () => await firstValueFrom(of(bank.get('/x', { response: Numbered[1] }))));
    // @ts-expect-error nobody makes it
    void (async () => bank.get('/x', { response: Numbered[2] }));
    void async function* () {
      // @ts-expect-error a generator that is async awaits what it yields
      yield bank.get('/x', { response: Numbered[3] });
    };
    // @ts-expect-error it is no promise
    void (() => call.then((charge) => charge));
    // @ts-expect-error wherever one is expected
    void ((): PromiseLike<Charge> => call);
    // Why is told below the error.
    expectTypeOf<
      ThisParameterType<Extract<Call<Charge>, { then: unknown }>['then']>
    >().toEqualTypeOf<'a call is no promise, and await makes none: return it, or await firstValueFrom(call); several become one by gather({ … })'>();
    // What it is among others is no answer.
    expectTypeOf(async () => await Promise.all([call])).returns.resolves.toEqualTypeOf<[Observable<Charge>]>();
  });
  /* eslint-enable @typescript-eslint/await-thenable */

  it('are those of an Observable, wherever one is taken', () => {
    expectTypeOf<ObservedValueOf<Call<Charge>>>().toEqualTypeOf<Charge>();
    expectTypeOf<ObservedValueOf<Call<unknown>>>().toEqualTypeOf<unknown>();
    expectTypeOf<Call<Charge>>().toExtend<Observable<Charge>>();
    expectTypeOf<Call<Charge>>().toExtend<Observable<unknown>>();
    expectTypeOf<Call<Charge>>().toExtend<ObservableInput<Charge>>();
    expectTypeOf<Call<Charge>>().not.toExtend<Observable<number>>();
    expectTypeOf(() => from(call)).returns.toEqualTypeOf<Observable<Charge>>();
    expectTypeOf(() => from(untold)).returns.toEqualTypeOf<Observable<unknown>>();
    expectTypeOf(() => defer(() => call)).returns.toEqualTypeOf<Observable<Charge>>();
    expectTypeOf(() => call.pipe(map(({ id }) => id))).returns.toEqualTypeOf<Observable<string>>();
    expectTypeOf(() => call.pipe()).returns.toEqualTypeOf<Observable<Charge>>();
    expectTypeOf(() => firstValueFrom(call)).returns.resolves.toEqualTypeOf<Charge>();
    expectTypeOf(() => lastValueFrom(untold)).returns.resolves.toEqualTypeOf<unknown>();
    expectTypeOf(async () => (await firstValueFrom(call)).id).returns.resolves.toEqualTypeOf<string>();
    expectTypeOf(() => taken(() => call)).returns.toEqualTypeOf<Charge>();
    expectTypeOf(() => taken(() => untold)).returns.toEqualTypeOf<unknown>();
    expectTypeOf(() => taken(() => firstValueFrom(call))).returns.toEqualTypeOf<Charge>();
  });

  it('are inferred from what a projection gives, beside other Observables too', () => {
    const one = of(1);
    expectTypeOf(() => one.pipe(mergeMap(() => call))).returns.toEqualTypeOf<Observable<Charge>>();
    expectTypeOf(() => one.pipe(concatMap(() => call))).returns.toEqualTypeOf<Observable<Charge>>();
    expectTypeOf(() => one.pipe(switchMap(() => call))).returns.toEqualTypeOf<Observable<Charge>>();
    expectTypeOf(() => one.pipe(exhaustMap(() => untold))).returns.toEqualTypeOf<Observable<unknown>>();
    expectTypeOf(() => one.pipe(catchError(() => call))).returns.toEqualTypeOf<Observable<number | Charge>>();
    expectTypeOf(() => one.pipe(mergeMap((n) => (n > 1 ? call : of('none'))))).returns.toEqualTypeOf<
      Observable<Charge | string>
    >();
    expectTypeOf(() => one.pipe(mergeMapByKey(String, () => call, { concurrency: 1 }))).returns.toEqualTypeOf<
      Observable<Charge>
    >();
    expectTypeOf(() =>
      call.pipe(
        timeoutWithin('1s'),
        fallbackTo(() => call),
      ),
    ).returns.toEqualTypeOf<Observable<Charge>>();
    expectTypeOf(() => call.pipe(retryWithBackoff({ maxAttempts: 2, backoff: () => 1 }))).returns.toEqualTypeOf<
      Observable<Charge>
    >();
  });

  it('are those of what a condition, a list or a variable mixes them with', () => {
    const either = () => {
      if (isLarge) return EMPTY;
      return call;
    };
    expectTypeOf(either).returns.toExtend<Observable<Charge>>();
    expectTypeOf(() => either().pipe(map(({ id }) => id))).returns.toEqualTypeOf<Observable<string>>();
    expectTypeOf(() => taken(either)).returns.toEqualTypeOf<Charge>();
    expectTypeOf(() => taken(() => (isLarge ? call : of({ id: 'none' })))).returns.toEqualTypeOf<Charge>();
    expectTypeOf(() => taken(() => (isLarge ? untold : of(1)))).returns.toEqualTypeOf<unknown>();
    expectTypeOf(() => concat(untold, isLarge ? call : EMPTY)).returns.toEqualTypeOf<Observable<unknown>>();
    expectTypeOf(() => forkJoin([call, isLarge ? call : EMPTY])).returns.toEqualTypeOf<Observable<[Charge, Charge]>>();
    expectTypeOf(() => [call, of({ id: 'none' })]).returns.toExtend<Observable<Charge>[]>();
    void (() => {
      let asked = call;
      asked = asked.pipe(timeoutWithin('1s'));
      expectTypeOf(asked).toEqualTypeOf<Observable<Charge>>();
    });
  });

  it('are those of the handle and of the steps of a saga that give them', () => {
    const base = { name: 'typed', source: queue('typed'), input: Charge } as const;
    definePipeline({
      ...base,
      handle: ({ id }) => (id === '' ? EMPTY : call),
      output: (result) => {
        expectTypeOf(result).toEqualTypeOf<Charge>();
        return undefined;
      },
    });
    definePipeline({ ...base, handle: ({ id }) => (id === '' ? of('none') : untold) });
    saga({ name: 'typed', input: Charge, apis: {}, id: ({ id }) => id })
      .step('charge', ({ input }) => (input.id === '' ? EMPTY : call))
      .step(
        'refund',
        ({ results }) => {
          expectTypeOf(results.charge).toEqualTypeOf<Charge>();
          return untold;
        },
        () => (isLarge ? call : EMPTY),
      )
      // @ts-expect-error nobody makes it
      .step('late', async () => bank.get('/x', { response: z.literal(4) }));
  });

  it('are inferred where several are joined', () => {
    expectTypeOf(() => forkJoin({ a: call, b: of(1) })).returns.toEqualTypeOf<Observable<{ a: Charge; b: number }>>();
    expectTypeOf(() => forkJoin([call, untold])).returns.toEqualTypeOf<Observable<[Charge, unknown]>>();
    expectTypeOf(() => forkJoin(['x'].map(() => call))).returns.toEqualTypeOf<Observable<Charge[]>>();
    expectTypeOf(() => zip(call, of(1))).returns.toEqualTypeOf<Observable<[Charge, number]>>();
    expectTypeOf(() => combineLatest([call, of(1)])).returns.toEqualTypeOf<Observable<[Charge, number]>>();
    expectTypeOf(() => merge(call, of(1))).returns.toEqualTypeOf<Observable<Charge | number>>();
    expectTypeOf(() => concat(call, of(1))).returns.toEqualTypeOf<Observable<Charge | number>>();
    expectTypeOf(() => race(call, of(1))).returns.toEqualTypeOf<Observable<Charge | number>>();
    expectTypeOf(() => iif(() => isLarge, call, of(1))).returns.toEqualTypeOf<Observable<Charge | number>>();
    expectTypeOf(() => concat(call, call).pipe(toArray())).returns.toEqualTypeOf<Observable<Charge[]>>();
    expectTypeOf(() => gather({ a: call, b: optional(call, 0) })).returns.toEqualTypeOf<
      Observable<{ readonly a: Charge; readonly b: Charge | number }>
    >();
    expectTypeOf(() => gatherSettled({ a: call }, { atLeast: 1 }).pipe(map(({ a }) => a))).returns.toExtend<
      Observable<{ readonly status: 'fulfilled'; readonly value: Charge } | { readonly status: 'rejected' }>
    >();
  });
});
