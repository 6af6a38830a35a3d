/** Pipelines that ask the engine for everything it promises: order, rates, small prefetches, sagas over APIs that pause the intake. */
import { map, mergeMap } from 'rxjs';
import { z } from 'zod';
import { exchange } from '../../../src/broker/exchange.ts';
import { queue } from '../../../src/broker/queue.ts';
import { defineApi } from '../../../src/http/define-api.ts';
import { definePipeline } from '../../../src/pipeline/define-pipeline.ts';
import { saga } from '../../../src/saga/saga.ts';
import { httpError, ok } from '../../../src/testing/pipelines/answers.ts';
import { message } from '../../../src/testing/pipelines/messages.ts';
import type { SimulationOptions } from '../../../src/testing/simulation/options.ts';

/** Six requests a second at most. */
export const limited = defineApi('limited', {
  baseUrl: 'http://localhost:1',
  timeout: '20s',
  rateLimit: { requests: 6, per: '1s' },
});

export const bursty = defineApi('bursty', {
  baseUrl: 'http://localhost:2',
  timeout: '3s',
  rateLimit: { requests: 20, per: '1s', burst: 5 },
  retry: { maxAttempts: 4, budget: 0.5 },
  breaker: { minimumCalls: 5, openFor: '5s' },
});

export const bank = defineApi('bank', {
  baseUrl: 'http://localhost:3',
  timeout: '2s',
  concurrency: 3,
  breaker: { minimumCalls: 5, openFor: '5s' },
});

const Entry = z.object({ account: z.string(), entry: z.string() });

/** One after the other for each account. */
export const ledger = definePipeline({
  name: 'ledger',
  source: queue('ledger.entries', { retry: { delays: ['2s', '10s'] } }),
  input: Entry,
  apis: { bursty },
  concurrency: 4,
  order: { by: ({ account }) => account },
  publishes: ['ledger'],
  handle: ({ account, entry }, { apis }) =>
    apis.bursty.post('/entries', { account, entry }).pipe(map(() => ({ account, entry }))),
  output: () => exchange('ledger', 'entry.booked'),
});

/** One after the other. */
export const journal = definePipeline({
  name: 'journal',
  source: queue('journal.lines', { retry: { delays: ['1s'] }, prefetch: 3 }),
  input: z.object({ line: z.string() }),
  apis: { limited },
  order: 'arrival',
  publishes: ['journal'],
  handle: ({ line }, { apis }) => apis.limited.put('/lines', { line }),
  output: (_, { line }) => exchange('journal', `line.${line}`),
});

/** Many at once over an API that takes few. */
export const notices = definePipeline({
  name: 'notices',
  source: queue('notices', { retry: { delays: ['1s', '5s', '30s'] } }),
  input: z.object({ to: z.string() }),
  apis: { limited, bursty },
  concurrency: 10,
  publishes: ['notices'],
  handle: ({ to }, { apis }) =>
    apis.limited.post('/notices', { to }).pipe(mergeMap(() => apis.bursty.post('/count', { to }))),
  output: () => exchange('notices', 'notice.sent'),
});

const Transfer = z.object({ id: z.string(), from: z.string(), to: z.string() });

const transfer = saga({ name: 'transfer', input: Transfer, apis: { bank, bursty }, id: ({ id }) => id })
  .step(
    'reserve',
    ({ input, apis }) => apis.bank.post('/reserve', { transfer: input.id }),
    ({ input, apis }) => apis.bank.post('/free', { transfer: input.id }),
  )
  .step(
    'withdraw',
    ({ input, apis }) => apis.bank.post('/withdraw', { transfer: input.id, account: input.from }),
    ({ input, apis }) => apis.bank.post('/deposit', { transfer: input.id, account: input.from }),
  )
  .step('count', ({ input, apis }) => apis.bursty.post('/count', { transfer: input.id }))
  .step(
    'deposit',
    ({ input, apis }) => apis.bank.post('/deposit', { transfer: input.id, account: input.to }),
    ({ input, apis }) => apis.bank.post('/withdraw', { transfer: input.id, account: input.to }),
  )
  .step('seal', ({ input, apis }) => apis.bank.post('/seal', { transfer: input.id }))
  .returns(({ input }) => ({ id: input.id, isDone: true }))
  .whenCompensated(({ input, failure }) => ({ id: input.id, isDone: false, undone: failure.compensated }));

export const transfers = definePipeline({
  name: 'transfers',
  source: queue('transfers', { retry: { delays: ['2s', '20s', '1m'] } }),
  input: Transfer,
  apis: { bank, bursty },
  concurrency: 6,
  timeout: '15s',
  publishes: ['transfers'],
  handle: transfer,
  output: ({ isDone }) => exchange('transfers', isDone ? 'transfer.done' : 'transfer.undone'),
});

export const demanding = [ledger, journal, notices, transfers] as const;

export const demandingOptions = {
  messages: {
    ledger: ({ id, random }) => ({ account: `account-${Math.floor(random() * 4)}`, entry: id }),
    journal: ({ id }) => ({ line: id }),
    notices: ({ id }) => ({ to: id }),
    // Some are wanted soon, or not at all.
    transfers: ({ id, random }) =>
      message({ id, from: `${id}-from`, to: `${id}-to` }, random() < 0.3 ? { expiration: '20s' } : {}),
  },
  apis: {
    bank: {
      'POST /seal': (_, random) => (random() < 0.2 ? httpError(422) : ok({})),
      'POST /deposit': (_, random) => (random() < 0.02 ? httpError(409) : ok({})),
    },
    limited: { latency: ['20ms', '900ms'], capacity: 8 },
  },
} satisfies SimulationOptions;
