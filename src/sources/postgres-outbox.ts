/**
 * An outbox in PostgreSQL, through pg, an optional peer that is loaded when it is connected to. One connection, one transaction at a time:
 * it holds a lane by the lock on its row, which ends with the transaction, however that ends.
 */
import type { Client, Notification } from 'pg';
import {
  catchError,
  concat,
  defer,
  EMPTY,
  ignoreElements,
  map,
  mergeMap,
  Observable,
  of,
  Subject,
  tap,
  throwError,
} from 'rxjs';
import { messageOf, OutboxUnavailableError, systemCodeOf } from '../errors.ts';
import { lacksPassword, NO_PASSWORD } from '../journal/postgres/postgres-url.ts';
import { bareName, lanesTable } from './outbox-sql.ts';
import type { OpenOutbox, OutboxLane, OutboxRow, OutboxTable } from './outbox-table.ts';

export interface PostgresOutboxOptions {
  /** `postgres://user:password@host:5432/database`. Never printed. */
  readonly url: () => string;
  readonly table: string;
  /** What becomes of a row that was sent. */
  readonly sentRows: 'delete' | 'mark';
  /** The longest the server may take for an answer, in milliseconds; of that, nine tenths to wait for a lock. Default: 30 s. */
  readonly answerWithinMs?: number;
}

const CONNECT_WITHIN_MS = 10_000;
const ANSWER_WITHIN_MS = 30_000;

/** The server gives a lane back itself when its relay says nothing for so long: paused, or cut off without either end knowing. */
const IDLE_IN_TRANSACTION_MS = 30_000;

/** Rows of a lane as the driver hands them over: every column as text, so that no number and no date is changed on the way. */
interface RawRow {
  readonly row_id: string;
  readonly message_id: string;
  readonly key: string | null;
  readonly body: string;
  readonly headers: string;
  readonly correlation_id: string | null;
}

export const postgresOutbox =
  (options: PostgresOutboxOptions): OpenOutbox =>
  (use) =>
    new Observable((sink) => {
      const connection = new Connection(options);
      sink.add(() => connection.end());
      sink.add(connection.lost.subscribe({ error: (cause: unknown) => sink.error(cause) }));
      sink.add(
        connection
          .open()
          .pipe(mergeMap(() => use(tableOf(connection, options))))
          .subscribe(sink),
      );
    });

/** One connection, from the first word to the last. What is asked waits for what was asked before. */
class Connection {
  /** Fails once when the connection is gone, without having been ended here. */
  readonly lost: Observable<never>;
  /** Each row of the outbox, or several, as the database tells. */
  readonly notifications = new Subject<Notification>();
  readonly #lost = new Subject<never>();
  readonly #options: PostgresOutboxOptions;
  #client: Client | undefined;
  #isEnded = false;

  constructor(options: PostgresOutboxOptions) {
    this.#options = options;
    this.lost = this.#lost;
  }

  /** Cold. Emits once it is connected and listens. */
  open(): Observable<unknown> {
    const { answerWithinMs = ANSWER_WITHIN_MS } = this.#options;
    return this.#ask(async () => {
      const { Client: PgClient } = (await import('pg')).default;
      const client = new PgClient({
        connectionString: this.#options.url(),
        application_name: 'sluice outbox',
        connectionTimeoutMillis: CONNECT_WITHIN_MS,
        // The server's own, so that what waits there ends there: it would keep the lane for as long as it waits, whoever has given up here.
        statement_timeout: answerWithinMs,
        // A little earlier, so that who is to blame is told.
        lock_timeout: Math.ceil(answerWithinMs * 0.9),
        query_timeout: answerWithinMs + 500,
        idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
        keepAlive: true,
      });
      client.on('error', (error) => this.#lose(error));
      client.on('end', () => this.#lose(new Error('the connection was closed')));
      client.on('notification', (notification) => this.notifications.next(notification));
      this.#client = client;
      await client.connect();
      await client.query(`LISTEN ${bareName(this.#options.table)}`);
    });
  }

  /** Cold. The rows of an answer. */
  query<Row extends object>(sql: string, values: readonly unknown[] = []): Observable<readonly Row[]> {
    return this.#ask(async () => {
      if (this.#client === undefined || this.#isEnded) throw new Error('the connection is closed');
      const { rows } = await this.#client.query<Row>(sql, [...values]);
      return rows;
    });
  }

  /** The server rolls back whatever is not committed. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#client?.end().catch(() => {});
  }

  #lose(cause: unknown): void {
    if (this.#isEnded) return;
    this.end();
    this.#lost.error(this.#unavailable(cause));
  }

  #ask<T>(question: () => Promise<T>): Observable<T> {
    return defer(question).pipe(catchError((cause: unknown) => throwError(() => this.#unavailable(cause))));
  }

  #unavailable(cause: unknown): OutboxUnavailableError {
    const { table } = this.#options;
    const sql = `\`sluice outbox sql --table ${table}\``;
    const advice = isOf(cause, MISSING)
      ? `; ${sql} prints what makes it`
      : isOf(cause, FORBIDDEN)
        ? `; the last lines of ${sql} grant what a relay's user needs`
        : isOf(cause, LOCKED)
          ? ': another session keeps it locked, or rows of it'
          : '';
    const reason = lacksPassword(cause) ? NO_PASSWORD : messageOf(cause);
    return new OutboxUnavailableError(`outbox "${table}": ${reason}${advice}`, { cause });
  }
}

/** Codes of PostgreSQL: undefined table, undefined column; insufficient privilege; lock not available. */
const MISSING: readonly string[] = ['42P01', '42703'];
const FORBIDDEN: readonly string[] = ['42501'];
const LOCKED: readonly string[] = ['55P03'];

const isOf = (cause: unknown, codes: readonly string[]): boolean => codes.includes(systemCodeOf(cause) ?? '');

function tableOf(connection: Connection, { table, sentRows }: PostgresOutboxOptions): OutboxTable {
  const freeLane = `SELECT l.lane FROM ${lanesTable(table)} l
    WHERE EXISTS (SELECT FROM ${table} o WHERE o.lane = l.lane AND o.sent_at IS NULL)
    ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED`;
  // A statement of its own: it sees all that the relay before committed, who held the lane until then.
  const oldestRows = `SELECT id::text AS row_id, message_id, key, body::text, headers::text, correlation_id FROM ${table}
    WHERE lane = $1 AND sent_at IS NULL ORDER BY id LIMIT $2`;
  const forget =
    sentRows === 'delete'
      ? `DELETE FROM ${table} WHERE id = ANY($1::bigint[])`
      : `UPDATE ${table} SET sent_at = now() WHERE id = ANY($1::bigint[])`;
  // Later than any time: whoever tidies rows away by their age leaves it, whoever looks for it finds it.
  const keep = `UPDATE ${table} SET sent_at = 'infinity' WHERE id = ANY($1::bigint[])`;
  const commit = defer(() => connection.query('COMMIT'));

  return {
    arrivals: connection.notifications,
    takeLane: (maxRows) =>
      new Observable((sink) => {
        let isOver = false;
        const over = (): void => {
          isOver = true;
          sink.complete();
        };
        const settle: OutboxLane['settle'] = ({ sent, kept }) => {
          const keeping = kept.length === 0 ? EMPTY : connection.query(keep, [kept]);
          return concat(connection.query(forget, [sent]), keeping, commit).pipe(
            ignoreElements(),
            tap({ complete: over }),
          );
        };
        const taken = concat(
          connection.query('BEGIN').pipe(ignoreElements()),
          connection.query<{ readonly lane: number }>(freeLane),
        ).pipe(
          mergeMap(([free]) =>
            free === undefined ? of(undefined) : connection.query<RawRow>(oldestRows, [free.lane, maxRows]),
          ),
          mergeMap((rows) => (rows === undefined ? commit.pipe(map(() => undefined)) : of(rows.map(toRow)))),
        );
        // Added first, run last: what was asked before is through when it is rolled back.
        sink.add(() => {
          if (!isOver)
            connection
              .query('ROLLBACK')
              .pipe(catchError(() => EMPTY))
              .subscribe();
        });
        sink.add(
          taken.subscribe({
            next: (rows) => (rows === undefined ? over() : sink.next({ rows, settle })),
            error: (cause: unknown) => sink.error(cause),
          }),
        );
      }),
  };
}

const toRow = ({ row_id, message_id, key, body, headers, correlation_id }: RawRow): OutboxRow => ({
  id: row_id,
  messageId: message_id,
  key,
  body,
  headers: JSON.parse(headers) as Readonly<Record<string, unknown>>,
  correlationId: correlation_id,
});
