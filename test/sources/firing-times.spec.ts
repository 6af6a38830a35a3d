import { expect } from 'chai';
import fc from 'fast-check';
import { cronTimes } from '../../src/sources/cron-times.ts';
import { evenTimes, type FiringTimes } from '../../src/sources/firing-times.ts';

const moment = (text: string): number => Date.parse(text);
const iso = (at: number | undefined): string | undefined => (at === undefined ? undefined : new Date(at).toISOString());

/** The first `count` firings after a moment. */
function following(times: FiringTimes, from: string, count: number): (string | undefined)[] {
  let at: number | undefined = moment(from);
  return Array.from({ length: count }, () => {
    at = at === undefined ? undefined : times.next(at);
    return iso(at);
  });
}

const patterns = [
  '* * * * *',
  '*/5 * * * *',
  '0 2 * * *',
  '30 2 * * *',
  '0 0 1 * *',
  '15,45 9-17 * * mon-fri',
  '*/10 * * * * *',
  '@weekly',
];
const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Pacific/Auckland', 'Australia/Lord_Howe'];

describe('the times of a schedule', () => {
  const anyMoment = fc.integer({ min: moment('2000-01-01T00:00:00Z'), max: moment('2040-01-01T00:00:00Z') });
  const anyTimes = fc.oneof(
    fc.integer({ min: 1_000, max: 40 * 86_400_000 }).map(evenTimes),
    fc
      .tuple(fc.constantFrom(...patterns), fc.constantFrom(...zones))
      .map(([pattern, zone]) => cronTimes(pattern, zone)),
  );

  it('have a latest that is over, a next that is to come, and none between them', () => {
    fc.assert(
      fc.property(anyTimes, anyMoment, (times, now) => {
        const latest = times.latest(now) ?? expect.fail('no latest');
        const next = times.next(now) ?? expect.fail('no next');
        expect(latest).to.be.at.most(now);
        expect(next).to.be.greaterThan(now);
        expect(times.next(latest), 'what follows the latest').to.equal(next);
        expect(times.latest(next), 'a firing is its own latest').to.equal(next);
        expect(times.latest(next - 1), 'just before it is the one before').to.equal(latest);
      }),
      { numRuns: 300 },
    );
  });

  it('are multiples of the period in UTC, for even ones', () => {
    expect(following(evenTimes(300_000), '2026-03-29T11:58:20Z', 2)).to.deep.equal([
      '2026-03-29T12:00:00.000Z',
      '2026-03-29T12:05:00.000Z',
    ]);
    expect(following(evenTimes(86_400_000), '2026-03-29T11:58:20Z', 1)).to.deep.equal(['2026-03-30T00:00:00.000Z']);
  });

  it('are read in the time zone of the pattern', () => {
    expect(following(cronTimes('0 6 * * *', 'UTC'), '2026-01-01T12:00:00Z', 1)).to.deep.equal([
      '2026-01-02T06:00:00.000Z',
    ]);
    expect(following(cronTimes('0 6 * * *', 'Asia/Kolkata'), '2026-01-01T12:00:00Z', 1)).to.deep.equal([
      '2026-01-02T00:30:00.000Z',
    ]);
  });

  it('come at the end of the gap when summer time leaves them out, and once when it ends', () => {
    const halfPastTwo = cronTimes('30 2 * * *', 'Europe/Berlin');
    expect(following(halfPastTwo, '2026-03-28T12:00:00Z', 2)).to.deep.equal([
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ]);
    expect(following(halfPastTwo, '2026-10-24T12:00:00Z', 2)).to.deep.equal([
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ]);
  });

  it('are none for a day that never comes', () => {
    const never = cronTimes('0 0 30 2 *', 'UTC');
    expect([never.latest(moment('2026-01-01T00:00:00Z')), never.next(moment('2026-01-01T00:00:00Z'))]).to.deep.equal([
      undefined,
      undefined,
    ]);
  });
});
