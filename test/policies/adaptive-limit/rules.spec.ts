import { expect } from 'chai';
import { aimd } from '../../../src/policies/adaptive-limit/aimd.ts';
import { gradient } from '../../../src/policies/adaptive-limit/gradient.ts';
import type { LimitRule } from '../../../src/policies/adaptive-limit/limit-rule.ts';
import { vegas } from '../../../src/policies/adaptive-limit/vegas.ts';

interface Row {
  readonly limit: number;
  /** Mean of the round where the base is 100 ms. */
  readonly meanMs: number;
  readonly mostInFlight?: number;
  readonly hasDrops?: boolean;
  readonly next: number;
}

function table(title: string, rule: LimitRule, rows: Readonly<Record<string, Row>>): void {
  describe(title, () => {
    for (const [name, { limit, meanMs, mostInFlight = limit, hasDrops = false, next }] of Object.entries(rows)) {
      it(name, () => {
        expect(rule.next(limit, { meanMs, mostInFlight, hasDrops }, 100)).to.be.closeTo(next, 1e-9);
      });
    }
  });
}

table('aimd', aimd, {
  'adds one after a round without a failure': { limit: 20, meanMs: 900, next: 21 },
  'takes a tenth after one with': { limit: 20, meanMs: 100, hasDrops: true, next: 18 },
  'takes one at least': { limit: 3, meanMs: 100, hasDrops: true, next: 2 },
  'stays where half of it is not used': { limit: 20, meanMs: 100, mostInFlight: 9, next: 20 },
  'adds one where half of it is used': { limit: 20, meanMs: 100, mostInFlight: 10, next: 21 },
});

// Queue of 20 in flight: 20 × (1 − 100 / mean). The steps are those of VegasLimit: 1, 3 and 6 times the logarithm, which is 1 below 100.
table('vegas', vegas, {
  'grows fast while nothing queues': { limit: 20, meanMs: 100, next: 26 },
  'grows fast with a queue of one': { limit: 20, meanMs: 105, next: 26 },
  'grows slowly with a queue of two': { limit: 20, meanMs: 111, next: 21 },
  'stays with a queue from three': { limit: 20, meanMs: 117, next: 20 },
  'stays with a queue up to six': { limit: 20, meanMs: 142, next: 20 },
  'shrinks with a queue of seven': { limit: 20, meanMs: 153, next: 19 },
  'shrinks after a failure, whatever the queue': { limit: 20, meanMs: 100, hasDrops: true, next: 19 },
  'stays where half of it is not used': { limit: 20, meanMs: 100, mostInFlight: 9, next: 20 },
  'takes larger steps at larger limits': { limit: 200, meanMs: 100, next: 212 },
});

// Limit × 1.5 × base / mean, between a half and one, and a queue of the square root, at least 4; a decrease counts a fifth.
table('gradient', gradient, {
  'adds a queue while latency is that of the base': { limit: 25, meanMs: 100, next: 30 },
  'bears half as much latency again': { limit: 25, meanMs: 150, next: 30 },
  'adds at least four': { limit: 9, meanMs: 100, next: 13 },
  'shrinks a fifth of the way with twice the latency': { limit: 100, meanMs: 200, next: 97 },
  'shrinks by no more than half of it, a fifth of the way': { limit: 100, meanMs: 9_000, next: 92 },
  'shrinks half, a fifth of the way, after a failure': { limit: 100, meanMs: 100, hasDrops: true, next: 90 },
  'stays where half of it is not used': { limit: 100, meanMs: 100, mostInFlight: 49, next: 100 },
});
