import { expect } from 'chai';
import { type Fault, planFaults } from './plan.ts';
import { recoveries } from './recovery.ts';
import { flatness, type Sample, soakPlot } from './soak-plot.ts';

const minute = { forMs: 60_000, everyMs: 2_500, workers: 2 };

describe('the plan of a chaos run', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(planFaults({ seed: 5, ...minute })).to.deep.equal(planFaults({ seed: 5, ...minute }));
    expect(planFaults({ seed: 6, ...minute })).to.not.deep.equal(planFaults({ seed: 5, ...minute }));
  });

  it('has every kind of fault in every minute', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const kinds = new Set(planFaults({ seed, ...minute }).map(({ fault }) => fault.kind));
      expect(kinds.size, `seed ${seed}`).to.equal(10);
    }
  });

  it('kills only the workers it may', () => {
    const killed = (fault: Fault): boolean => fault.kind === 'worker-kill' || fault.kind === 'worker-stop';
    const plan = planFaults({ seed: 1, ...minute, mortal: [1] }).map(({ fault }) => fault);
    const places = plan.filter(killed).map((fault) => 'worker' in fault && fault.worker);
    expect([...new Set(places)]).to.deep.equal([1]);
  });
});

describe('the time to recover', () => {
  const line = (msg: string, atMs: number) => ({ msg, time: new Date(atMs).toISOString(), pipeline: 'orders' });
  const worker = { name: 'w', place: 0, startedAtMs: 0, endedAtMs: 90_000, end: 'stop', exit: 0 } as const;

  it('runs from the end of the last fault in the way until the pipeline is fed again', () => {
    const lines = [line('consuming', 0), line('intake paused', 1_000), line('consuming', 9_000)];
    const faults = [
      { fault: { kind: 'broker-kill', awayMs: 0 } as const, fromMs: 990, toMs: 6_000 },
      { fault: { kind: 'line-freeze', worker: 0, direction: 'up', forMs: 1 } as const, fromMs: 5_000, toMs: 8_000 },
      { fault: { kind: 'line-freeze', worker: 1, direction: 'up', forMs: 1 } as const, fromMs: 5_000, toMs: 8_900 },
    ];
    expect(recoveries({ faults, workers: [{ ...worker, lines }] })).to.deep.equal([{ kind: 'line-freeze', ms: 1_000 }]);
  });

  it('counts from the end of a fault that kept a worker from starting, and not from the start of one that nothing kept', () => {
    const lines = [line('worker starting', 1_000), line('consuming', 9_000)];
    const faults = [{ fault: { kind: 'broker-restart' } as const, fromMs: 500, toMs: 6_000 }];
    expect(recoveries({ faults, workers: [{ ...worker, lines }] })).to.deep.equal([
      { kind: 'broker-restart', ms: 3_000 },
    ]);
    const before = [{ ...faults[0], fault: { kind: 'broker-restart' } as const, fromMs: 100, toMs: 900 }];
    expect(recoveries({ faults: before, workers: [{ ...worker, lines }] })).to.deep.equal([]);
  });

  it('is none where no fault stood in the way: a breaker pauses the intake too', () => {
    const lines = [line('intake paused', 1_000), line('consuming', 9_000)];
    expect(recoveries({ faults: [], workers: [{ ...worker, lines }] })).to.deep.equal([]);
  });
});

describe('what a worker held through a soak', () => {
  const samples = (heapAt: (n: number) => number): readonly Sample[] =>
    Array.from({ length: 100 }, (_, n) => ({
      at: n * 10_000,
      heapMb: heapAt(n),
      rssMb: 100,
      handles: 12,
      openFiles: 40,
      timers: 3,
      listeners: 90,
    }));
  const notFlat = (of: readonly Sample[]): readonly string[] =>
    flatness(of)
      .filter(({ isFlat }) => !isFlat)
      .map(({ measure }) => measure);

  it('is flat when it goes up and down, and not when it grows', () => {
    expect(notFlat(samples((n) => 25 + (n % 7)))).to.deep.equal([]);
    expect(notFlat(samples((n) => 25 + n / 10))).to.deep.equal(['heapMb']);
  });

  it('is drawn with every sample and every fault', () => {
    const svg = soakPlot(
      samples(() => 25),
      [20_000, 40_000],
    );
    expect(svg.match(/<polyline/g)).to.have.length(6);
    expect(svg.match(/<line /g)).to.have.length(2);
    expect(svg).to.include('17 minutes');
  });
});
