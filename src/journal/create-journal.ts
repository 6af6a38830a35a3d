/**
 * A journal over a store: holds entries by leases that it renews, knows its own records by their checksums, and asks a store that went
 * away until it is back.
 */
import {
  asyncScheduler,
  BehaviorSubject,
  catchError,
  concat,
  defer,
  EMPTY,
  exhaustMap,
  finalize,
  interval,
  merge,
  mergeMap,
  NEVER,
  type Observable,
  of,
  repeat,
  type Subscription,
  tap,
  throwError,
  timer,
} from 'rxjs';
import {
  JournalCorruptError,
  JournalFencedError,
  JournalHeldError,
  JournalUnavailableError,
  messageOf,
} from '../errors.ts';
import type { Facts, MessageIdentity, SagaMoved } from '../events.ts';
import { type Logger, silentLogger } from '../log.ts';
import { fingerprint } from '../message/identity.ts';
import { SlotPool } from '../operators/slot-pool.ts';
import type { AppendOptions, EntryKey, Journal, JournalAvailability, JournalRecord, OpenJournal } from './journal.ts';
import type { Acquired, JournalStore, StoredRecord } from './journal-store.ts';

export interface JournalOptions {
  /** Names this process to the store: unique among those that share it. Default: `this process`, right where nobody shares it. */
  readonly owner?: string;
  /** How long an owner that is gone or paused keeps others out, in milliseconds. Default: 30 000. */
  readonly leaseMs?: number;
  /** How long ended sagas are kept, so that a message published again gets the same answer, in milliseconds. Default: 7 days. */
  readonly keepEndedMs?: number;
  readonly facts?: Facts;
  readonly log?: Logger;
}

const DAY_MS = 86_400_000;

/** A store that is away is asked again after this long. */
const ASK_AGAIN_MS = 1_000;

const ENDS: ReadonlySet<JournalRecord['kind']> = new Set(['completed', 'undone', 'abandoned']);

/**
 * The checksum tells a record that was torn, edited, or moved from its place.
 * It is no signature: whoever may write to the store may write checksums too.
 */
export const checksumOf = ({ space, name, id }: EntryKey, seq: number, body: string): string =>
  fingerprint(space, name, id, String(seq), body).slice(0, 22);

/** A journal with what belongs to its owner alone. */
export interface OwnJournal extends Journal {
  /** Completes when the store can be asked. @throws JournalUnavailableError when it cannot; from then on it is asked until it can. */
  check(): Observable<never>;
  /** Ceases to ask a store that is away, for good: what fails from now on, as the store is closed, is asked after by nobody. */
  end(): void;
}

/** A journal of this process over a store; what it holds is known to it alone, so make one for each process and store. */
export function createJournal(store: JournalStore, options: JournalOptions = {}): OwnJournal {
  const { owner = 'this process', leaseMs = 30_000, keepEndedMs = 7 * DAY_MS, facts, log = silentLogger } = options;
  const held = new Set<string>();
  const availability = new BehaviorSubject<JournalAvailability>({ isAvailable: true });
  let asking: Subscription | undefined;
  let hasEnded = false;

  const tell = (next: JournalAvailability): void => {
    const { isAvailable, reason } = availability.value;
    if (next.isAvailable === isAvailable && next.reason === reason) return;
    if (next.isAvailable !== isAvailable)
      facts?.report({
        type: 'journalChanged',
        at: asyncScheduler.now(),
        state: next.isAvailable ? 'available' : 'unavailable',
        ...(next.reason === undefined ? {} : { reason: next.reason }),
      });
    availability.next(next);
  };
  const answered = (): void => {
    asking?.unsubscribe();
    asking = undefined;
    tell({ isAvailable: true });
  };
  const away = ({ message }: JournalUnavailableError): void => {
    tell({ isAvailable: false, reason: message });
    if (hasEnded) return;
    asking ??= timer(ASK_AGAIN_MS)
      .pipe(
        mergeMap(() => concat(store.ping(), of('answered'))),
        catchError((error: unknown) => {
          // What is wrong now need not be what was.
          tell({ isAvailable: false, reason: messageOf(error) });
          return EMPTY;
        }),
        tap(answered),
        repeat(),
      )
      .subscribe();
  };
  /** A command to the store: what becomes of it tells whether the store is there. */
  const ask = <T>(command: Observable<T>): Observable<T> =>
    command.pipe(
      tap({
        next: answered,
        complete: answered,
        error: (error: unknown) => {
          if (error instanceof JournalUnavailableError) away(error);
        },
      }),
    );

  /** Records as they were written; a last one that is not is dropped: whatever it told is done again, under the same keys. */
  const readRecords = (key: EntryKey, { fence, records }: Extract<Acquired, { kind: 'acquired' }>) => {
    const intact = intactRecords(key, records);
    const torn = records.at(intact.length);
    if (torn === undefined) return of(intact);
    const place = intact.length + 1;
    const damage =
      torn.seq !== place
        ? `record ${place} is missing`
        : place < records.length
          ? `record ${place} of ${records.length} is not what was written`
          : undefined;
    if (damage !== undefined) return throwError(() => new JournalCorruptError(key, damage));
    log.warn({ ...key, seq: torn.seq, journal: store.place }, 'the last record of a journal was torn: it is dropped');
    return concat(ask(store.dropLast(key, fence, torn.seq)), of(intact));
  };

  const hold = (
    key: EntryKey,
    fence: number,
    records: readonly JournalRecord[],
    message: MessageIdentity | undefined,
  ): OpenJournal => {
    let seq = records.length;
    /** Once it is not known how an append ended, nobody here knows what the next one's place is: the entry has to be opened again. */
    let isUnsure = false;
    // One after the other, so that a record never stands without those before it.
    const line = new SlotPool(1, Number.POSITIVE_INFINITY, undefined);
    const append = (record: JournalRecord, { keepMs }: AppendOptions): Observable<never> => {
      if (isUnsure) return throwError(() => new JournalFencedError(key));
      const { kind } = record;
      const body = JSON.stringify(record);
      const place = seq + 1;
      const keep = keepMs ?? (ENDS.has(kind) ? keepEndedMs : undefined);
      const stored = { seq: place, body, checksum: checksumOf(key, place, body), kind };
      isUnsure = true;
      return ask(store.append(key, fence, keep === undefined ? stored : { ...stored, keepMs: keep }, leaseMs)).pipe(
        tap({
          complete: () => {
            seq = place;
            isUnsure = false;
            if (key.space === 'saga' && facts?.isHeard.sagaMoved === true)
              facts.report(sagaMoved(key, record, message));
          },
        }),
      );
    };
    return { records, append: (record, appending = {}) => line.run(defer(() => append(record, appending))) };
  };

  /** Never emits. Fails when the lease was lost, or may have been: whoever holds it then must not be met. */
  const renewals = (key: EntryKey, fence: number): Observable<never> =>
    defer(() => {
      let renewedAt = asyncScheduler.now();
      const renew = defer(() => {
        const askedAt = asyncScheduler.now();
        if (askedAt - renewedAt >= leaseMs) return throwError(() => new JournalFencedError(key));
        return ask(store.renew(key, fence, leaseMs)).pipe(
          tap({
            complete: () => {
              renewedAt = askedAt;
            },
          }),
          catchError((error: unknown) => (error instanceof JournalUnavailableError ? EMPTY : throwError(() => error))),
        );
      });
      return interval(leaseMs / 3).pipe(exhaustMap(() => renew));
    });

  const open = (key: EntryKey, message?: MessageIdentity): Observable<OpenJournal> =>
    defer(() => {
      const name = JSON.stringify([key.space, key.name, key.id]);
      if (held.has(name)) return throwError(() => new JournalHeldError(key, 0));
      held.add(name);
      let fence: number | undefined;
      const letGo = (): void => {
        if (fence === undefined) held.delete(name);
        else {
          // Where the store cannot be told, the lease ends by itself; this process is let in before.
          ask(store.release(key, fence))
            .pipe(
              catchError(() => EMPTY),
              finalize(() => held.delete(name)),
            )
            .subscribe();
        }
      };
      return ask(store.acquire(key, { owner, leaseMs })).pipe(
        mergeMap((acquired) => {
          if (acquired.kind === 'held') return throwError(() => new JournalHeldError(key, acquired.forMs));
          fence = acquired.fence;
          const opened = readRecords(key, acquired).pipe(
            mergeMap((records) => merge(of(hold(key, acquired.fence, records, message)), NEVER)),
          );
          return merge(opened, renewals(key, acquired.fence));
        }),
        finalize(letGo),
      );
    });

  return {
    open,
    availability: availability.asObservable(),
    check: () => ask(store.ping()),
    end: () => {
      hasEnded = true;
      asking?.unsubscribe();
    },
  };
}

const sagaMoved = (key: EntryKey, record: JournalRecord, message: MessageIdentity | undefined): SagaMoved => ({
  type: 'sagaMoved',
  at: record.at,
  saga: key.name,
  sagaId: key.id,
  move: record.kind,
  step: 'step' in record ? record.step : undefined,
  code: 'code' in record ? record.code : undefined,
  reason: 'message' in record ? record.message : undefined,
  pipeline: message?.pipeline,
  messageId: message?.messageId,
  correlationId: message?.correlationId,
  traceId: message?.traceId,
  messageAttempt: message?.messageAttempt,
  deliveryTag: message?.deliveryTag,
});

/** The records up to the first that is not as it was written. */
function intactRecords(key: EntryKey, stored: readonly StoredRecord[]): readonly JournalRecord[] {
  const records: JournalRecord[] = [];
  for (const { seq, body, checksum } of stored) {
    if (seq !== records.length + 1 || checksum !== checksumOf(key, seq, body)) break;
    records.push(JSON.parse(body) as JournalRecord);
  }
  return records;
}
