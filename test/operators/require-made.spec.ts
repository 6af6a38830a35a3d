import { expect } from 'chai';
import { of } from 'rxjs';
import {
  bulkhead,
  cached,
  circuitBreaker,
  clientThrottle,
  createCache,
  fallbackTo,
  rateLimit,
  retryWithBackoff,
} from 'sluice/operators';

describe('requireMade', () => {
  const wrong: readonly (readonly [make: () => unknown, says: string])[] = [
    [() => bulkhead({ slots: 2 } as never), 'bulkhead: expected what createBulkhead makes, got an object with slots'],
    [() => cached(undefined as never, 'k'), 'cached: expected what createCache makes, got undefined'],
    [() => circuitBreaker({} as never), 'circuitBreaker: expected what createCircuitBreaker makes, got an object'],
    [() => clientThrottle(5 as never), 'clientThrottle: expected what createClientThrottle makes, got a number'],
    [() => rateLimit(null as never), 'rateLimit: expected what createRateLimiter makes, got null'],
    [
      () => rateLimit('redis://:canary@redis' as never),
      'rateLimit: expected what createRateLimiter makes, got a string',
    ],
    [() => cached(createCache({ ttl: '1s' }), undefined as never), 'cached: expected a text as key, got undefined'],
    [
      () => retryWithBackoff({ maxAttempts: 2, backoff: 100 as never }),
      'backoff: expected a function from attempt to milliseconds, as exponentialBackoff makes, got 100',
    ],
    [
      () => fallbackTo(of(1)),
      'fallbackTo: expected a value, or a function that gives what to subscribe to, got an Observable',
    ],
  ];
  for (const [make, says] of wrong)
    it(`says at once what an operator is made with: ${says}`, () => expect(make).to.throw(TypeError, says));
});
