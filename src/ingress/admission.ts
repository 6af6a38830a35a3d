/** Whether a client may come in now: who it is, how often it has come, and how often its address has failed to say who it is. */
import type { IncomingHttpHeaders } from 'node:http';
import { catchError, defer, map, type Observable, of } from 'rxjs';
import type { Logger } from '../log.ts';
import type { ForwardClock } from '../operators/forward-clock.ts';
import { countedAs } from './client-address.ts';
import type { Authenticator, Identified } from './client-auth.ts';
import { ClientRates } from './client-rates.ts';
import type { Entrance } from './ingress.ts';
import { failed, type Refusal } from './problem.ts';

/** How often one address may fail to say who it is. */
const FAILURES = { requests: 30, periodMs: 60_000, burst: 30 };

export interface Admitted {
  /** His name, or his address where he has none. */
  readonly client: string;
  /** As whom he is counted: by his name wherever he comes from, or by what of his address is one client's. */
  readonly counted: string;
}

export class Admission {
  readonly #authenticators = new Map<Entrance, Authenticator | undefined>();
  readonly #rates = new Map<Entrance, ClientRates>();
  readonly #failures: ClientRates;
  /** What was told last of an entrance where nobody can be known. */
  readonly #faults = new Map<Entrance, string>();
  readonly #log: Logger;

  /** @throws ConfigError when settings of clients are missing. */
  constructor(entrances: readonly Entrance[], clock: ForwardClock, log: Logger) {
    this.#log = log;
    this.#failures = new ClientRates(FAILURES, clock);
    for (const entrance of entrances) {
      const { auth, rateLimit } = entrance.ingress;
      this.#authenticators.set(entrance, typeof auth === 'object' ? auth.open(log) : undefined);
      if (rateLimit !== undefined) this.#rates.set(entrance, new ClientRates(rateLimit, clock));
    }
  }

  /** Cold. Emits once who comes in, or why he may not now; never errors. */
  admit(entrance: Entrance, headers: IncomingHttpHeaders, address: string): Observable<Admitted | Refusal> {
    return defer(() => {
      const shutMs = this.#failures.waitMs(countedAs(address));
      if (shutMs > 0) return of(tooMany(shutMs, SHUT));
      const authenticate = this.#authenticators.get(entrance);
      const asked = authenticate?.(headers) ?? of<Identified>({ ok: true, client: address });
      // A name may look like an address.
      const countedBy = (client: string): string =>
        authenticate === undefined ? `address ${countedAs(address)}` : `client ${client}`;
      return asked.pipe(
        catchError((error: unknown): Observable<Identified> => {
          this.#log.error({ error, pipeline: entrance.name }, 'a client could not be looked at');
          return of({ ok: false, refusal: failed });
        }),
        map((who) => {
          this.#tellFault(entrance, who);
          if (who.ok) return this.#outcomeOf(entrance, { client: who.client, counted: countedBy(who.client) });
          if (who.refusal.status === 401) this.#failures.take(countedAs(address));
          return who.refusal;
        }),
      );
    });
  }

  /** Once for each reason, until somebody is known again: requests are many. */
  #tellFault(entrance: Entrance, who: Identified): void {
    if (who.ok) this.#faults.delete(entrance);
    else if (who.fault !== undefined && who.fault !== this.#faults.get(entrance)) {
      this.#faults.set(entrance, who.fault);
      this.#log.warn({ pipeline: entrance.name, reason: who.fault }, 'the keys of the issuer cannot be read');
    }
  }

  #outcomeOf(entrance: Entrance, admitted: Admitted): Admitted | Refusal {
    const { counted } = admitted;
    const rates = this.#rates.get(entrance);
    const waitMs = rates?.waitMs(counted) ?? 0;
    if (waitMs > 0) return tooMany(waitMs, 'this client comes too often');
    rates?.take(counted);
    return admitted;
  }
}

/** Whoever shares the address of a guesser is not told that he himself comes too often. */
const SHUT =
  'too many requests from this address did not say who they are: for now a right key or token is refused, too';

const tooMany = (waitMs: number, detail: string): Refusal => ({
  status: 429,
  code: 'too-many-requests',
  detail,
  headers: { 'retry-after': String(Math.max(1, Math.ceil(waitMs / 1_000))) },
});
