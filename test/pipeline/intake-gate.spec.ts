import { expect } from 'chai';
import { firstValueFrom, of } from 'rxjs';
import type { ApiAvailability } from '../../src/http/api-client.ts';
import { passageOf } from '../../src/pipeline/intake-gate.ts';

describe('passageOf', () => {
  const passage = (...states: readonly ApiAvailability[]) =>
    firstValueFrom(passageOf(states.map((state) => of(state))));

  it('is free where no API is needed', async () => {
    expect(await passage()).to.deep.equal({ limit: Infinity, maxCalls: Infinity });
  });

  it('has the fewest messages and the fewest calls of all APIs, each in its own right', async () => {
    const open: ApiAvailability = { isAvailable: false, reason: 'circuit is open', limit: 30 };
    const halfOpen: ApiAvailability = { isAvailable: true, reason: 'half-open', probes: 2 };
    const busy: ApiAvailability = { isAvailable: true, limit: 4 };
    const narrowest = { limit: 0, reason: 'circuit is open', maxCalls: 4 };
    expect(await passage(open, halfOpen, busy)).to.deep.equal(narrowest);
    expect(await passage(busy, halfOpen, open)).to.deep.equal(narrowest);
    expect(await passage(busy, halfOpen)).to.deep.equal({ limit: 2, reason: 'half-open', maxCalls: 4 });
  });
});
