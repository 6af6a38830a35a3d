/**
 * The order saga in a world of one process that can be killed at any point: at each journal write and at each call, before and after it takes effect.
 * What lasts is the journal and what the APIs did; what is killed is everything else, and a lease that nobody renews.
 */
import { asyncScheduler, concat, defer, EMPTY, map, NEVER, type Observable, Subscription, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import orderProcessing from '../../pipelines/order-processing.ts';
import { codeOf, isTransient } from '../../src/errors.ts';
import { createFacts } from '../../src/events.ts';
import type { Api } from '../../src/http/api.ts';
import { createApiClient } from '../../src/http/api-client.ts';
import type { TransportRequest, TransportResponse } from '../../src/http/transport.ts';
import { createJournal } from '../../src/journal/create-journal.ts';
import type { JournalRecord } from '../../src/journal/journal.ts';
import type { JournalStore } from '../../src/journal/journal-store.ts';
import { MemoryStore } from '../../src/journal/memory-store.ts';
import { silentLogger } from '../../src/log.ts';
import type { Context } from '../../src/pipeline/context.ts';
import { nextDelayMs } from '../../src/pipeline/copies.ts';
import { sandboxedApi } from '../../src/testing/virtual/sandboxed-api.ts';
import { forwarded } from '../contract/journal-cases.ts';
import { scopeOf } from '../http/call-scope.ts';

/** How the APIs answer: by operation, the status of its nth request; 200 where nothing is said. */
export type Script = Readonly<Record<string, (nth: number) => number>>;

export const SCRIPTS = {
  success: {},
  'payment refused': { 'POST /charge': () => 402 },
  'shipping refused': { 'POST /create-shipment': () => 422 },
  'refund failing at first': {
    'POST /create-shipment': () => 422,
    'POST /refund': (nth: number) => (nth <= 6 ? 503 : 200),
  },
  // The way forward uses up the message's tries: the refund has its own.
  'shipping away, refund failing at first': {
    'POST /create-shipment': () => 503,
    'POST /refund': (nth: number) => (nth <= 6 ? 503 : 200),
  },
} satisfies Record<string, Script>;

export interface Ended {
  /** What the handle said in the end. */
  readonly outcome: unknown;
  /** Effects, in order: operation and key. An API that honours keys has one for each key. */
  readonly effects: readonly { readonly operation: string; readonly key: string }[];
  readonly requests: number;
  readonly records: readonly JournalRecord[];
  /** Points that were passed: where a crash could have struck. */
  readonly points: readonly string[];
  readonly lives: number;
}

const ORDER = {
  order_id: 'o-1',
  items: [{ product_id: 'p', quantity: 1 }],
  amount: 5,
  payment_details: 'card',
  shipping_address: 'street',
};

const ANSWERS: Readonly<Record<string, unknown>> = {
  'POST /charge': { transaction_id: 't-1' },
  'POST /create-shipment': { tracking_number: 'n-1' },
};

const MAX_ATTEMPTS = orderProcessing.source.retryDelaysMs.length + 1;
const LEASE_MS = 30_000;
const BOOT_MS = 2_000;
const MAX_LIVES = 20;

/** @param crashes Numbers of the points, counted over all lives from 1, at which the process is killed. */
export function runOrder(script: Script, crashes: readonly number[]): Ended {
  const store = new MemoryStore();
  const effects: { operation: string; key: string }[] = [];
  const answered = new Map<string, number>();
  const asked = new Map<string, number>();
  const points: string[] = [];
  let requests = 0;
  let lives = 0;
  let outcome: unknown;

  /** One life of the worker, which has been handed the message. */
  const live = (attempt: number): void => {
    if (++lives > MAX_LIVES) throw new Error('the saga comes to no end');
    const life = new Subscription();
    let isDead = false;
    /** Passes a point, or dies there. */
    const reach = (name: string): boolean => {
      points.push(name);
      if (!crashes.includes(points.length)) return true;
      isDead = true;
      // Later: it may be in the middle of something that must not be torn from below it.
      asyncScheduler.schedule(() => life.unsubscribe());
      // The broker hands the message over again, on the same try.
      asyncScheduler.schedule(() => live(attempt), BOOT_MS);
      return false;
    };
    const whileAlive = <T>(command: () => Observable<T>): Observable<T> => defer(() => (isDead ? NEVER : command()));

    const journal = createJournal(storeOf(store, whileAlive, reach), { owner: `life ${lives}`, leaseMs: LEASE_MS });
    const transport = (request: TransportRequest): Observable<TransportResponse> => {
      const operation = `${request.method} /${request.path.split('/').at(-1)}`;
      const key = request.headers['idempotency-key'] ?? '';
      return whileAlive(() => {
        if (!reach(`${operation}, before its effect`)) return NEVER;
        requests++;
        const nth = (asked.get(operation) ?? 0) + 1;
        asked.set(operation, nth);
        const status = answered.get(key) ?? script[operation]?.(nth) ?? 200;
        if (status === 200 && !answered.has(key)) effects.push({ operation, key });
        if (status < 500) answered.set(key, status);
        if (!reach(`${operation}, after its effect`)) return NEVER;
        const body = status === 200 ? (ANSWERS[operation] ?? {}) : {};
        const response = {
          status,
          headers: { 'content-type': 'application/json' },
          body: Buffer.from(JSON.stringify(body)),
        };
        return timer(5).pipe(map(() => response));
      });
    };
    const scope = scopeOf({ messageAttempt: attempt });
    const apis: Record<string, Api> = {};
    for (const [name, definition] of Object.entries(orderProcessing.apis)) {
      if (definition.kind !== 'api') throw new TypeError(`${name} is no API`);
      apis[name] = createApiClient(sandboxedApi(definition), {
        facts: createFacts(),
        random: () => 0.5,
        transport,
      }).bind(scope);
    }
    const context = {
      apis,
      log: silentLogger,
      journal,
      attempt,
      maxAttempts: MAX_ATTEMPTS,
    } as Partial<Context> as Context;
    life.add(
      (orderProcessing.handle(ORDER, context) as Observable<unknown>).subscribe({
        next: (value) => {
          outcome = value;
        },
        error: (error: unknown) => {
          const { source } = orderProcessing;
          const journey = { attempt, deadlineAt: undefined };
          const delayMs = isTransient(error)
            ? nextDelayMs({ source, lastWord: undefined }, journey, error, asyncScheduler.now())
            : undefined;
          if (delayMs === undefined) outcome = codeOf(error);
          else asyncScheduler.schedule(() => live(Math.min(attempt + 1, MAX_ATTEMPTS)), delayMs);
        },
      }),
    );
  };

  let records: readonly JournalRecord[] = [];
  new TestScheduler(() => {}).run(({ flush }) => {
    live(1);
    flush();
    store.read({ space: 'saga', name: 'place-order', id: ORDER.order_id }).subscribe((stored) => {
      records = stored.map(({ body }) => JSON.parse(body) as JournalRecord);
    });
  });
  return { outcome, effects, requests, records, points, lives };
}

function storeOf(
  store: JournalStore,
  whileAlive: <T>(command: () => Observable<T>) => Observable<T>,
  reach: (name: string) => boolean,
): JournalStore {
  return {
    ...forwarded(store),
    acquire: (...args) => whileAlive(() => store.acquire(...args)),
    renew: (...args) => whileAlive(() => store.renew(...args)),
    release: (...args) => whileAlive(() => store.release(...args)),
    append: (key, fence, record, leaseMs) =>
      whileAlive(() => {
        const what = `journal ${record.kind}`;
        if (!reach(`${what}, before it is stored`)) return NEVER;
        return concat(
          store.append(key, fence, record, leaseMs),
          defer(() => (reach(`${what}, after it is stored`) ? EMPTY : NEVER)),
        );
      }),
  };
}
