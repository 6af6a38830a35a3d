/** Workers that stand still in the middle of their sagas and wake when others have taken those over: only the fence keeps them from going on. */
import { expect } from 'chai';
import { asyncScheduler, type Observable, of, tap, timer } from 'rxjs';
import type { EntryKey } from '../../../src/journal/journal.ts';
import type { Acquired, Lease, NewRecord } from '../../../src/journal/journal-store.ts';
import { MemoryStore } from '../../../src/journal/memory-store.ts';
import { inTurn } from '../../../src/testing/simulation/in-turn.ts';
import type { SimulationOptions } from '../../../src/testing/simulation/options.ts';
import { simulate } from '../../../src/testing/simulation/simulate.ts';
import { SimulationError } from '../../../src/testing/simulation/simulation-error.ts';
import { Turn } from '../../../src/testing/simulation/turn.ts';
import { inVirtualTime } from '../../../src/testing/simulation/virtual-time.ts';
import { demandingOptions, transfers } from './fixtures.ts';

const { messages, apis } = demandingOptions;

const options: SimulationOptions = {
  messages: { transfers: messages.transfers },
  apis: { bank: apis.bank },
  faults: ['pause'],
  workers: 3,
  hours: 0.5,
  maxMessages: 150,
  maxFaults: 60,
  seed: 8,
  shrinkMs: 50,
};

/** Takes every word for that of the owner who was let in last. */
class FencelessStore extends MemoryStore {
  readonly #fences = new Map<string, number>();

  override acquire(key: EntryKey, lease: Lease): Observable<Acquired> {
    return super.acquire(key, lease).pipe(
      tap((acquired) => {
        if (acquired.kind === 'acquired') this.#fences.set(key.id, acquired.fence);
      }),
    );
  }

  override append(key: EntryKey, fence: number, record: NewRecord, leaseMs: number): Observable<never> {
    return super.append(key, this.#fences.get(key.id) ?? fence, record, leaseMs);
  }

  override renew(key: EntryKey, fence: number, leaseMs: number): Observable<never> {
    return super.renew(key, this.#fences.get(key.id) ?? fence, leaseMs);
  }
}

describe('workers that are paused', () => {
  it('F41: lose their sagas to others, and find their words refused when they wake', async () => {
    const { totals } = await simulate([transfers], options);
    expect(totals.pauses).to.be.greaterThan(0);
    expect(totals.takeovers).to.be.greaterThan(0);
    expect(totals.fenced).to.be.greaterThan(0);
  });

  it('F41: go on with sagas that are not theirs any more, where a store knows no fence: a law is broken', async () => {
    const failure: unknown = await simulate([transfers], { ...options, journal: () => new FencelessStore() }).catch(
      (error: unknown) => error,
    );
    expect(failure).to.be.instanceOf(SimulationError);
    expect((failure as SimulationError).message).to.match(
      /^broken law: a saga goes forward, or back in reverse order\n.*it has ended as \w+ and goes on/,
    );
  });
});

describe('a process of a simulated world that is paused', () => {
  const told: string[] = [];
  beforeEach(() => told.splice(0));

  it('has its timers and what comes to it wait, in their order, while those of others go on', () => {
    inVirtualTime(
      (time) => {
        const turn = new Turn();
        const from = asyncScheduler.now();
        const at = (): number => asyncScheduler.now() - from;
        turn.run(() => {
          timer(1_000).subscribe(() => told.push(`own ${at()}`));
          timer(0, 400).subscribe({ next: (n) => (n < 3 ? told.push(`tick ${n} ${at()}`) : undefined) });
          const gone = timer(600).subscribe(() => told.push('cancelled'));
          time.after(700, () => gone.unsubscribe());
          inTurn(turn, of('in')).subscribe((value) => told.push(value));
        });
        timer(1_000).subscribe(() => told.push(`other ${at()}`));
        time.after(500, () => turn.pause());
        time.after(1_500, () => turn.run(() => told.push(`came ${at()}`)));
        time.after(2_000, () => turn.wake());
        time.after(2_100, () => time.stop());
      },
      (error) => {
        throw error;
      },
    );
    expect(told.slice(0, 4)).to.deep.equal(['in', 'tick 0 0', 'tick 1 400', 'other 1000']);
    expect(told.slice(4)).to.deep.equal(['tick 2 2000', 'own 2000', 'came 2000']);
  });
});
