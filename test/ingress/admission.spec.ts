/** Who may come in and how often, in virtual time. */
import { expect } from 'chai';
import { of, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { z } from 'zod';
import { Admission } from '../../src/ingress/admission.ts';
import type { ClientAuth, Identified } from '../../src/ingress/client-auth.ts';
import { clientKeys } from '../../src/ingress/client-keys.ts';
import { type IngressOptions, ingressOf } from '../../src/ingress/ingress.ts';
import { type Logger, silentLogger } from '../../src/log.ts';
import { ForwardClock } from '../../src/operators/forward-clock.ts';
import { Secret } from '../../src/setting.ts';
import { plainForm } from '../support/front-door.ts';

type Admit = (address: string, key?: string) => string;

/** Why somebody was refused last. */
let why = '';
/** As whom somebody was counted who was let in last. */
let as = '';

function atTheDoor(ingress: IngressOptions<never>, script: (admit: Admit) => void, log: Logger = silentLogger): void {
  new TestScheduler(() => undefined).run(({ flush }) => {
    const entrance = { name: 'p', input: z.unknown(), ingress: ingressOf(ingress, 1_000), form: plainForm };
    const admission = new Admission([entrance], new ForwardClock(), log);
    script((address, key) => {
      let told = '';
      admission.admit(entrance, key === undefined ? {} : { 'x-api-key': key }, address).subscribe((outcome) => {
        told =
          'client' in outcome ? outcome.client : `${outcome.status} ${outcome.headers?.['retry-after'] ?? ''}`.trim();
        if ('detail' in outcome) why = outcome.detail;
        else as = outcome.counted;
      });
      return told;
    });
    flush();
  });
}

describe('Admission', () => {
  const key = 'shop-key-0123456789';
  const auth = clientKeys({ shop: new Secret(key) });

  it('tells why nobody can be known, once for each reason, and again after somebody was', () => {
    const away = (fault: string): Identified => ({
      ok: false,
      refusal: { status: 503, code: 'keys-away', detail: 'later' },
      fault,
    });
    const known: Identified = { ok: true, client: 'shop' };
    const told: unknown[] = [];
    const answers = [away('refused'), away('refused'), away('slow'), known, away('slow')];
    const issued: ClientAuth = { kind: 'clientAuth', scheme: {}, open: () => () => of(answers.shift() ?? known) };
    const log: Logger = {
      ...silentLogger,
      warn: (fields: unknown) => told.push((fields as { reason: string }).reason),
    };
    atTheDoor(
      { path: '/p', auth: issued },
      (admit) => {
        for (let n = 0; n < 5; n++) admit('203.0.113.1');
      },
      log,
    );
    expect(told).to.deep.equal(['refused', 'slow', 'slow']);
  });

  it('shuts out an address that failed 30 times in a minute to say who it is, its network with it, and nobody else', () => {
    let looked = 0;
    atTheDoor({ path: '/a', auth }, (admit) => {
      const tries = Array.from({ length: 31 }, (_, n) => admit(`2001:db8::${n}`, `guess-number-00000${n}`));
      expect(new Set(tries.slice(0, 30))).to.deep.equal(new Set(['401']));
      expect(tries[30]).to.equal('429 2');
      // The right key, too: or it would be known as that by the guesser.
      expect(admit('2001:db8::77', key)).to.equal('429 2');
      expect(why).to.equal(
        'too many requests from this address did not say who they are: for now a right key or token is refused, too',
      );
      expect(admit('2001:db8:0:1::1', key)).to.equal('shop');
      timer(2_000).subscribe(() => {
        expect(admit('2001:db8::77', key)).to.equal('shop');
        looked++;
      });
    });
    expect(looked).to.equal(1);
  });

  it('counts a client by its name wherever it comes from, and one without a name by its address', () => {
    const rateLimit = { requests: 2, per: '10s' } as const;
    atTheDoor({ path: '/a', auth, rateLimit }, (admit) => {
      const told = ['203.0.113.1', '203.0.113.2', '203.0.113.3'].map((address) => admit(address, key));
      expect(told).to.deep.equal(['shop', 'shop', '429 5']);
      expect(why).to.equal('this client comes too often');
      expect(as).to.equal('client shop');
    });
    atTheDoor({ path: '/a', rateLimit }, (admit) => {
      const told = ['203.0.113.1', '203.0.113.1', '203.0.113.1', '203.0.113.2'].map((address) => admit(address));
      expect(told).to.deep.equal(['203.0.113.1', '203.0.113.1', '429 5', '203.0.113.2']);
      expect(as).to.equal('address 203.0.113.2');
      admit('2001:db8::7');
      expect(as).to.equal('address 2001:db8:0:0::/64');
    });
  });
});
