/** The demo's books: what each pipeline received and what became of it, from the worker's facts and from the results a stranger sees. */
import type { Settled } from '../src/events.ts';

export interface Row {
  readonly pipeline: string;
  received: number;
  succeeded: number;
  /** Sagas that were undone, and said so. */
  compensated: number;
  /** Results that lack a part: a vendor, a branch, the e-mail. */
  partial: number;
  /** Waits in the broker before another try. */
  retried: number;
  deadLettered: number;
  /** From publish to result. */
  readonly durationsMs: number[];
}

type Kind = 'succeeded' | 'compensated' | 'partial';

/** What a result says about its message. */
const KIND_OF: Readonly<Record<string, (result: never) => Kind>> = {
  'user-registration': ({ emailStatus }: { emailStatus: string }) => (emailStatus === 'sent' ? 'succeeded' : 'partial'),
  'order-processing': ({ status }: { status: string }) => (status === 'success' ? 'succeeded' : 'compensated'),
  'content-syndication': ({ outcomes }: { outcomes: Record<string, { status: string }> }) =>
    Object.values(outcomes).every(({ status }) => status === 'fulfilled') ? 'succeeded' : 'partial',
  'product-search': ({ missing }: { missing: readonly string[] }) => (missing.length === 0 ? 'succeeded' : 'partial'),
};

export class Tally {
  readonly rows: ReadonlyMap<string, Row>;
  readonly #sentAt = new Map<string, number>();
  #finished = 0;

  constructor() {
    const empty = { received: 0, succeeded: 0, compensated: 0, partial: 0, retried: 0, deadLettered: 0 };
    this.rows = new Map(Object.keys(KIND_OF).map((pipeline) => [pipeline, { pipeline, ...empty, durationsMs: [] }]));
  }

  /** Messages sent so far. */
  get sent(): number {
    return this.#sentAt.size;
  }

  /** Messages that came to an end: a result, or a dead letter. */
  get finished(): number {
    return this.#finished;
  }

  send(messageId: string, nowMs: number): void {
    this.#sentAt.set(messageId, nowMs);
  }

  settled({ pipeline, settlement }: Settled): void {
    const row = this.rows.get(pipeline);
    if (row === undefined) return;
    if (settlement === 'retry') row.retried++;
    if (settlement === 'deadLetter') {
      row.deadLettered++;
      this.#finished++;
    }
  }

  delivered(pipeline: string, attempt: number): void {
    const row = this.rows.get(pipeline);
    if (row !== undefined && attempt === 1) row.received++;
  }

  /** A result arrived; its correlation id is the id of the message it answers. */
  result(pipeline: string, messageId: string, body: unknown, nowMs: number): void {
    const row = this.rows.get(pipeline);
    const kindOf = KIND_OF[pipeline];
    if (row === undefined || kindOf === undefined) return;
    row[kindOf(body as never)]++;
    row.durationsMs.push(nowMs - (this.#sentAt.get(messageId) ?? nowMs));
    this.#finished++;
  }
}
