/**
 * Relays the rows of an outbox to the pipeline's queue: a lane at a time, its keys side by side, each key in order. A row is marked or deleted after
 * the broker has confirmed it, so a crash anywhere means that rows are relayed again, under the same message ids. What AMQP cannot carry goes to
 * the dead letters; a body that is too large for the broker stays in its row, and a dead letter says so.
 */
import {
  catchError,
  concat,
  defaultIfEmpty,
  defer,
  EMPTY,
  from,
  interval,
  merge,
  mergeMap,
  type Observable,
  of,
  repeat,
  startWith,
  takeUntil,
  takeWhile,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { OutboxUnavailableError, ResultInvalidError } from '../errors.ts';
import type { HeaderTable, HeaderValue } from '../message/delivery.ts';
import type { OutgoingMessage } from '../message/outgoing.ts';
import { mapByKey } from '../operators/merge-map-by-key.ts';
import type { OpenOutbox, OutboxLane, OutboxRow, OutboxTable } from './outbox-table.ts';
import { passOnWake } from './pass-on-wake.ts';
import type { Fed, Feeder, Feeding } from './source.ts';

export interface OutboxFeederOptions {
  readonly title: string;
  readonly open: OpenOutbox;
  /** Rows in hand at once. */
  readonly maxRows: number;
  /** How often the table is looked at when nobody wakes the relay. */
  readonly pollMs: number;
}

/** Keys whose rows wait for a confirm at once. */
const KEYS_AT_ONCE = 64;

/** A lane is given back after so long, with what was not confirmed by then: its transaction must not stay open while the broker is stuck. */
export const CONFIRM_WITHIN_MS = 20_000;

const NOTHING: Fed = { messages: 0 };

export const outboxFeeder = ({ title, open, maxRows, pollMs }: OutboxFeederOptions): Feeder => ({
  title,
  feed: (feeding) =>
    open((table) =>
      merge(table.arrivals, interval(pollMs)).pipe(
        startWith(undefined),
        takeUntil(feeding.drain),
        passOnWake(lanesUntilNoneIsLeft(table, maxRows, feeding, title)),
      ),
    ),
});

/** One lane after the other until there is none with rows that is free, or the worker drains. Tells of that with `NOTHING`: the table can be asked. */
function lanesUntilNoneIsLeft(table: OutboxTable, maxRows: number, feeding: Feeding, title: string): Observable<Fed> {
  const unlessDraining = (): Observable<unknown> => of(undefined).pipe(takeUntil(feeding.drain));
  const nextLane = table.takeLane(maxRows).pipe(
    mergeMap((lane) => relay(lane, feeding, title)),
    defaultIfEmpty(NOTHING),
  );
  return defer(unlessDraining).pipe(
    mergeMap(() => nextLane.pipe(repeat({ delay: unlessDraining }))),
    takeWhile((fed) => fed !== NOTHING, true),
  );
}

function relay(lane: OutboxLane, { queue, publish, setAside }: Feeding, title: string): Observable<Fed> {
  return defer(() => {
    const sent: string[] = [];
    const kept: string[] = [];
    let failure: { readonly error: unknown } | undefined;
    const relayRow = (row: OutboxRow): Observable<never> => {
      if (failure !== undefined) return EMPTY;
      const message = toMessage(row, queue);
      let place = sent;
      // It would be refused the next time too, and keep back all that is behind it.
      const instead = (error: unknown): Observable<never> => {
        if (!(error instanceof ResultInvalidError)) return throwError(() => error);
        if (error.maxBodyBytes === undefined) return setAside(message, error);
        place = kept;
        return setAside({ ...message, body: NO_BODY }, tooLarge(error, title, row));
      };
      return publish(message).pipe(
        catchError(instead),
        tap({ complete: () => place.push(row.id) }),
        // Its own, and the end of this lane for now: what is under way meanwhile may be what all of them fail for, and has to be told apart.
        catchError((error: unknown) => {
          failure ??= { error };
          return EMPTY;
        }),
      );
    };
    const relayed = from(lane.rows).pipe(
      mapByKey(({ key, id }) => (key === null ? `row ${id}` : `key ${key}`), relayRow, KEYS_AT_ONCE),
      takeUntil(timer(CONFIRM_WITHIN_MS)),
    );
    const result = defer(() => {
      if (failure !== undefined) return throwError(() => failure?.error);
      const done = sent.length + kept.length;
      if (done > 0 || lane.rows.length === 0) return of({ messages: done });
      return throwError(() => new OutboxUnavailableError(`the broker confirmed no row within ${CONFIRM_WITHIN_MS} ms`));
    });
    return concat(
      relayed,
      defer(() => lane.settle({ sent, kept })),
      result,
    );
  });
}

const NO_BODY = Buffer.alloc(0);

const tooLarge = (error: ResultInvalidError, title: string, { id }: OutboxRow): ResultInvalidError =>
  new ResultInvalidError(
    `${error.message}; it stays in row ${id} of ${title}, with sent_at = 'infinity'; NULL there relays it again`,
    { cause: error },
  );

const toMessage = ({ messageId, body, headers, correlationId }: OutboxRow, queue: string): OutgoingMessage => ({
  exchange: '',
  routingKey: queue,
  body: Buffer.from(body),
  headers: headerTable(headers),
  properties: {
    messageId,
    ...(correlationId === null ? {} : { correlationId }),
    contentType: 'application/json',
    persistent: true,
  },
});

/** JSON has less than header tables can hold; a number beyond a double is left out rather than changed. */
const headerTable = (headers: Readonly<Record<string, unknown>>): HeaderTable =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, headerValue(value)]));

function headerValue(value: unknown): HeaderValue | undefined {
  if (Array.isArray(value)) return value.map((item) => headerValue(item) ?? null);
  if (typeof value === 'object' && value !== null) return headerTable(value as Readonly<Record<string, unknown>>);
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  return typeof value === 'string' || typeof value === 'boolean' || value === null ? value : undefined;
}
