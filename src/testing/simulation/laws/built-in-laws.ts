/** The laws every simulation is under: what `docs/design.md` says users can rely on. */
import type { Accounts } from '../accounts.ts';
import type { SimulatedApiOptions } from '../options.ts';
import { balancedBooks } from './balanced-books.ts';
import { boundedConcurrency } from './bounded-concurrency.ts';
import { boundedMemory } from './bounded-memory.ts';
import { boundedRate } from './bounded-rate.ts';
import { boundedRetries } from './bounded-retries.ts';
import { effectsBeforeAck } from './effects-before-ack.ts';
import { effectsOnce } from './effects-once.ts';
import type { Law } from './law.ts';
import { noUnhandledError } from './no-unhandled-error.ts';
import { nothingLost } from './nothing-lost.ts';
import { orderPerKey } from './order-per-key.ts';
import { sagaEnds } from './saga-ends.ts';
import { sagaOrder } from './saga-order.ts';
import { settledOnce } from './settled-once.ts';
import { twiceOnlyWherePossible } from './twice-only-where-possible.ts';

export const builtInLaws = (
  accounts: Accounts,
  apis: Readonly<Record<string, SimulatedApiOptions>>,
): readonly Law[] => [
  settledOnce,
  effectsBeforeAck(accounts),
  balancedBooks,
  nothingLost,
  twiceOnlyWherePossible(accounts),
  boundedConcurrency,
  boundedRate,
  boundedRetries,
  orderPerKey,
  sagaOrder,
  sagaEnds,
  effectsOnce(apis),
  boundedMemory,
  noUnhandledError,
];
