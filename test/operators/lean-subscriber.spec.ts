import { expect } from 'chai';
import fc from 'fast-check';
import {
  from,
  type InteropObservable,
  map,
  Observable,
  type Observer,
  observable,
  of,
  Subject,
  Subscriber,
  Subscription,
  type TeardownLogic,
  type Unsubscribable,
} from 'rxjs';
import { gather } from '../../src/operators/gather.ts';
import { inSlots } from '../../src/operators/in-slots.ts';
import { LeanSubscriber, type Listener } from '../../src/operators/lean-subscriber.ts';
import { unheard } from '../support/unheard.ts';

/** What is done to a Subscriber, and what it is done with: a teardown by its number. */
type Step =
  | { readonly act: 'add' | 'add again' | 'remove' | 'end'; readonly teardown: number }
  | { readonly act: 'unsubscribe' };

interface Part {
  readonly kind: 'function' | 'object' | 'subscription' | 'subscriber' | 'with closed';
  readonly throws: boolean;
}

const PARTS = 5;
const stepArb: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      act: fc.constantFrom('add' as const, 'add again' as const, 'remove' as const, 'end' as const),
      teardown: fc.nat(PARTS - 1),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ act: 'unsubscribe' as const }) },
);
const partArb: fc.Arbitrary<Part> = fc.record({
  kind: fc.constantFrom('function', 'object', 'subscription', 'subscriber', 'with closed'),
  throws: fc.boolean(),
});

/** What keeps teardowns, RxJS' own or ours. */
type Keeper = Pick<Subscriber<unknown>, 'add' | 'remove' | 'unsubscribe' | 'closed'>;

/** What was torn down in which order, and what came of it. */
function history(subscriber: Keeper, parts: readonly Part[], steps: readonly Step[]): readonly string[] {
  const told: string[] = [];
  const teardowns = parts.map(({ kind, throws }, index): Exclude<TeardownLogic, void> => {
    let closed = false;
    const tear = (): void => {
      if (kind === 'with closed' && closed) return;
      closed = true;
      told.push(`torn down ${index}`);
      if (throws) throw new Error(`teardown ${index}`);
    };
    if (kind === 'function') return tear;
    if (kind === 'object') return { unsubscribe: tear };
    if (kind === 'with closed') {
      return {
        get closed() {
          return closed;
        },
        unsubscribe: tear,
      };
    }
    const child = kind === 'subscription' ? new Subscription() : new Subscriber();
    child.add(tear);
    return child;
  });
  const added = new Set<number>();
  for (const step of steps) {
    try {
      if (step.act === 'unsubscribe') {
        subscriber.unsubscribe();
        continue;
      }
      const { act, teardown: index } = step;
      const teardown = teardowns[index];
      const isSubscription = teardown instanceof Subscription;
      if (teardown === undefined) continue;
      // RxJS runs a function as often as it was added, which nobody of ours does.
      if (act === 'add' && !added.has(index)) {
        added.add(index);
        subscriber.add(teardown);
      } else if (act === 'add again' && added.has(index) && isSubscription) {
        subscriber.add(teardown);
      } else if (act === 'remove') {
        subscriber.remove(teardown);
      } else if (act === 'end' && typeof teardown === 'object') {
        teardown.unsubscribe();
      }
    } catch (error) {
      told.push(error instanceof Error ? error.message : String(error));
    }
    told.push(`closed ${subscriber.closed}`);
  }
  return told;
}

describe('LeanSubscriber', () => {
  it('tears down what a Subscriber of RxJS does, in its order, whatever throws', () => {
    fc.assert(
      fc.property(
        fc.array(partArb, { minLength: PARTS, maxLength: PARTS }),
        fc.array(stepArb, { maxLength: 20 }),
        (parts, steps) => {
          const unsubscribed: readonly Step[] = [...steps, { act: 'unsubscribe' }];
          const expected = history(new Subscriber(), parts, unsubscribed);
          expect(history(unheard(), parts, unsubscribed)).to.deep.equal(expected);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('is torn down with the Subscriber it passes on to', () => {
    const told: string[] = [];
    const sink = new Subscriber();
    unheard(sink).add(() => told.push('torn down'));
    sink.unsubscribe();
    expect(told).to.deep.equal(['torn down']);
  });

  it('tears down whom it is the sink of', () => {
    const told: string[] = [];
    const subscriber = unheard();
    for (const name of ['first', 'second', 'third'])
      new Observable(() => () => told.push(name)).pipe(map(String)).subscribe(subscriber);
    subscriber.unsubscribe();
    expect(told).to.deep.equal(['first', 'second', 'third']);
  });

  it('is the Subscriber that RxJS takes: nothing is put around it', () => {
    const subscriber = unheard();
    let given: unknown;
    const returned: unknown = new Observable((sink) => {
      given = sink;
    }).subscribe(subscriber);
    expect(given).to.equal(subscriber);
    expect(returned).to.equal(subscriber);
  });

  it('hears an Observable of RxJS 6, which calls an object that inherits from it', () => {
    // As the SafeSubscriber of RxJS 6 does: it binds `unsubscribe` to that object too, and calls it at each end.
    const ofRxJs6 = (end: (observer: Observer<unknown>) => void): Observable<unknown> => {
      const subscribe = (observer: Observer<unknown>): Unsubscribable => {
        const context = Object.create(observer) as Observer<unknown> & Unsubscribable;
        const unsubscribe = context.unsubscribe.bind(context);
        context.next('a value');
        end(context);
        unsubscribe();
        return { unsubscribe };
      };
      return from({ [observable]: () => ({ subscribe }) } as unknown as InteropObservable<unknown>);
    };
    const told: unknown[] = [];
    const tell = {
      next: (value: unknown) => told.push(value),
      error: (cause: unknown) => told.push(cause),
      complete: () => told.push('complete'),
    };
    const completing = ofRxJs6((observer) => observer.complete());
    gather({ completing }).subscribe(tell);
    gather({ failing: ofRxJs6((observer) => observer.error('broken')) }).subscribe(tell);
    of(1, 2)
      .pipe(inSlots(() => completing, 1))
      .subscribe(tell);
    const running = new LeanSubscriber<unknown>({
      onNext: () => running.unsubscribe(),
      onError: tell.error,
      onComplete: tell.complete,
      unsubscribe: () => running.close(),
    });
    completing.subscribe(running);
    expect(told).to.deep.equal([{ completing: 'a value' }, 'complete', 'broken', 'a value', 'a value', 'complete']);
  });

  it('leaves the Subscriber that holds it when it ends', () => {
    const holder = new Subscription();
    for (let count = 0; count < 3; count++) unheard(holder).unsubscribe();
    expect(Reflect.get(holder, '_finalizers')).to.deep.equal([]);
  });

  it('hears nothing more after an end, and nothing once it is closed', () => {
    const told: string[] = [];
    const heard = (): LeanSubscriber<string> => {
      const listener: Listener<string> = {
        onNext: (value) => told.push(value),
        onError: (cause) => told.push(`failed: ${String(cause)}`),
        onComplete: () => told.push('complete'),
        unsubscribe: () => subscriber.close(),
      };
      const subscriber = new LeanSubscriber(listener);
      return subscriber;
    };
    const repeating = (end: (sink: Observer<string>) => void): Observable<string> =>
      new Observable((sink) => {
        for (let time = 0; time < 2; time++) {
          sink.next('a value');
          end(sink);
        }
        sink.complete();
        sink.error('late');
      });
    repeating((sink) => sink.complete()).subscribe(heard());
    repeating((sink) => sink.error('broken')).subscribe(heard());
    const source = new Subject<string>();
    const closed = heard();
    source.subscribe(closed);
    closed.unsubscribe();
    source.next('too late');
    source.complete();
    expect(told).to.deep.equal(['a value', 'complete', 'a value', 'failed: broken']);
    expect(source.observed).to.equal(false);
  });

  it('asks its listener to end once, and not again when that has closed it', () => {
    let asked = 0;
    const subscriber: LeanSubscriber<unknown> = new LeanSubscriber({
      onNext: () => {},
      onError: () => {},
      onComplete: () => {},
      unsubscribe: () => {
        asked++;
        subscriber.close();
      },
    });
    subscriber.unsubscribe();
    subscriber.unsubscribe();
    expect(asked).to.equal(1);
  });

  for (const given of [null, false, 0, '', true, 7, 'text', {}]) {
    it(`is closed as a Subscriber of RxJS is, whatever an author's JavaScript gives back for a teardown: ${JSON.stringify(given)}`, () => {
      const outcomeOf = (subscriber: Keeper & Observer<unknown>): readonly unknown[] => {
        new Observable(() => given as unknown as TeardownLogic).subscribe(subscriber);
        let thrown: unknown;
        try {
          subscriber.unsubscribe();
        } catch (error) {
          thrown = error;
        }
        return [subscriber.closed, String(thrown)];
      };
      expect(outcomeOf(unheard())).to.deep.equal(outcomeOf(new Subscriber()));
    });
  }
});
