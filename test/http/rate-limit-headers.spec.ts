import { expect } from 'chai';
import { quotaOf } from '../../src/http/rate-limit-headers.ts';
import type { TransportResponse } from '../../src/http/transport.ts';

const NOW = Date.UTC(2026, 0, 1);
const read = (headers: TransportResponse['headers']) => quotaOf({ status: 200, headers, body: Buffer.alloc(0) }, NOW);

describe('quotaOf', () => {
  const told: readonly (readonly [
    headers: TransportResponse['headers'],
    remaining: number,
    resetAfterMs: number | undefined,
  ])[] = [
    [{ ratelimit: '"default";r=50;t=30' }, 50, 30_000],
    [{ ratelimit: '"default";r=0' }, 0, undefined],
    [{ ratelimit: 'limit=100, remaining=7, reset=5' }, 7, 5_000],
    [{ 'ratelimit-limit': '100', 'ratelimit-remaining': '3', 'ratelimit-reset': '60' }, 3, 60_000],
    [{ 'x-ratelimit-remaining': '3', 'x-ratelimit-reset': String(NOW / 1_000 + 9) }, 3, 9_000],
    [{ 'x-ratelimit-remaining': '3', 'x-ratelimit-reset': String(NOW / 1_000 - 9) }, 3, 0],
    [{ 'x-ratelimit-remaining': ['3'] }, 3, undefined],
  ];
  for (const [headers, remaining, resetAfterMs] of told) {
    it(`reads ${JSON.stringify(headers)}`, () => expect(read(headers)).to.deep.equal({ remaining, resetAfterMs }));
  }

  for (const headers of [
    {},
    { 'ratelimit-limit': '100', 'ratelimit-reset': '5' },
    { 'ratelimit-remaining': '-1' },
    { 'ratelimit-remaining': '1e3' },
    { 'ratelimit-remaining': 'many' },
    { 'x-ratelimit-remaining': '9'.repeat(400) },
    { ratelimit: '"default";pr=5;rt=6' },
    { ratelimit: 'r'.repeat(10_000) },
  ]) {
    it(`takes nothing from ${JSON.stringify(headers).slice(0, 60)}`, () => expect(read(headers)).to.equal(undefined));
  }
});
