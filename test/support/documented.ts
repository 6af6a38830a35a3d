/**
 * Specs whose diagrams are the pictures of the documentation: the picture is drawn from what the spec asserts, and the spec fails when
 * the one in `docs/operators` is another. `SLUICE_DRAW=1 npm test` draws them anew.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { RunHelpers } from 'rxjs/testing';
import { type MarbleKit, marbles } from '../../src/testing/marbles.ts';
import { type DiagramRow, renderSvg } from './marble-svg.ts';

/** A marble test that is also the picture `docs/operators/<page>.svg`. */
export function documented(page: string, test: (kit: MarbleKit) => void): () => void {
  return () => {
    const rows: DiagramRow[] = [];
    marbles((kit) => test(recording(kit, rows)))();
    const file = fileURLToPath(new URL(`../../docs/operators/${page}.svg`, import.meta.url));
    const drawn = renderSvg(`marble diagram of ${page}`, numbered(rows));
    if (process.env.SLUICE_DRAW) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, drawn);
    }
    expect(drawn, `${page}.svg is not what the spec shows; SLUICE_DRAW=1 draws it anew`).to.equal(
      readFileSync(file, 'utf8'),
    );
  };
}

/** The kit, writing down every diagram a test hands to it. */
function recording(kit: MarbleKit, rows: DiagramRow[]): MarbleKit {
  const cold: RunHelpers['cold'] = (diagram, values, error) => {
    rows.push({ label: 'source', diagram, kind: 'source' });
    return kit.cold(diagram, values, error);
  };
  const hot: RunHelpers['hot'] = (diagram, values, error) => {
    rows.push({ label: 'hot source', diagram, kind: 'source' });
    return kit.hot(diagram, values, error);
  };
  return {
    ...kit,
    cold,
    hot,
    expectObservable: (observable, subscription) => {
      const expectation = kit.expectObservable(observable, subscription);
      return {
        ...expectation,
        toBe: (diagram, ...rest) => {
          rows.push({ label: 'result', diagram, kind: 'result' });
          expectation.toBe(diagram, ...rest);
        },
      };
    },
    expectSubscriptions: (actual) => {
      const expectation = kit.expectSubscriptions(actual);
      return {
        toBe: (diagrams) => {
          for (const diagram of [diagrams].flat()) rows.push({ label: 'subscribed', diagram, kind: 'subscription' });
          expectation.toBe(diagrams);
        },
      };
    },
  };
}

/** Sources first, then subscriptions, the result last; several of a kind are told apart by a number. */
function numbered(rows: readonly DiagramRow[]): readonly DiagramRow[] {
  const order = ['source', 'subscription', 'result'];
  const sorted = [...rows].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
  return sorted.map((row) => {
    const alike = sorted.filter(({ label }) => label === row.label);
    return alike.length === 1 ? row : { ...row, label: `${row.label} ${alike.indexOf(row) + 1}` };
  });
}
