/**
 * What an API saw and did, request by request, for tests and demos to ask afterwards.
 * Entries are bounded, the oldest go first; the counts are kept for all of them.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Fault } from './fault.ts';

export interface JournalEntry {
  /** Counted from 1, by arrival. */
  readonly number: number;
  readonly receivedAtMs: number;
  readonly method: string;
  /** Path as it came, without the query. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** `POST /charge`; undefined when no operation answers there. */
  readonly operation: string | undefined;
  /** Headers of interest; of credentials only that they came. */
  readonly headers: Readonly<Record<string, string>>;
  /** The `Idempotency-Key`. */
  readonly key: string | undefined;
  /** Parsed JSON, or the text as it came; undefined when there was none. */
  readonly body: unknown;
  /** The fault that hit it. */
  readonly fault: Fault['kind'] | undefined;
  /** Whether the API changed something because of this very request. */
  readonly hasEffect: boolean;
  /** Whether it got the stored answer of an earlier request with its key. */
  readonly isReplay: boolean;
  /** Status of the answer; undefined when no whole answer was sent. */
  readonly status: number | undefined;
  /** How it ended: with the whole answer sent, cut by a fault, given up by the client, or not yet. */
  readonly end: 'pending' | 'answered' | 'reset' | 'aborted';
  readonly endedAtMs: number | undefined;
}

/** An entry while its request is being answered. */
export type OpenEntry = { -readonly [Field in keyof JournalEntry]: JournalEntry[Field] };

export interface Counts {
  readonly requests: number;
  /** Requests that changed something: with idempotency keys, as many as there are different messages. */
  readonly effects: number;
  readonly replays: number;
  readonly faults: number;
}

const NOTED = [
  'content-type',
  'accept',
  'user-agent',
  'x-correlation-id',
  'x-request-id',
  'traceparent',
  'tracestate',
  'baggage',
];
const CREDENTIALS = ['authorization', 'x-api-key', 'cookie'];

export function headersOfInterest(headers: IncomingHttpHeaders): Record<string, string> {
  const noted: Record<string, string> = {};
  for (const name of NOTED) if (headers[name] !== undefined) noted[name] = String(headers[name]);
  for (const name of CREDENTIALS) if (headers[name] !== undefined) noted[name] = '[present]';
  return noted;
}

export class RequestJournal {
  readonly #maxEntries: number;
  #entries: OpenEntry[] = [];
  #number = 0;
  readonly #counts = new Map<string, { requests: number; effects: number; replays: number; faults: number }>();

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get entries(): readonly JournalEntry[] {
    return this.#entries.slice(-this.#maxEntries);
  }

  /** Counts of one operation, or of all. */
  counts(operation?: string): Counts {
    const sum = { requests: 0, effects: 0, replays: 0, faults: 0 };
    for (const [name, counts] of this.#counts) {
      if (operation !== undefined && operation !== name) continue;
      sum.requests += counts.requests;
      sum.effects += counts.effects;
      sum.replays += counts.replays;
      sum.faults += counts.faults;
    }
    return sum;
  }

  open(request: Pick<JournalEntry, 'method' | 'path' | 'query' | 'operation' | 'headers' | 'key'>): OpenEntry {
    this.#number += 1;
    const entry: OpenEntry = {
      number: this.#number,
      receivedAtMs: Date.now(),
      ...request,
      body: undefined,
      fault: undefined,
      hasEffect: false,
      isReplay: false,
      status: undefined,
      end: 'pending',
      endedAtMs: undefined,
    };
    this.#entries.push(entry);
    // Dropped in batches: cutting the array for each request would cost its length each time.
    if (this.#entries.length >= 2 * this.#maxEntries) this.#entries = this.#entries.slice(-this.#maxEntries);
    this.#countsOf(entry).requests += 1;
    return entry;
  }

  noteFault(entry: OpenEntry, fault: Fault['kind']): void {
    entry.fault = fault;
    this.#countsOf(entry).faults += 1;
  }

  notePerformed(entry: OpenEntry, kind: 'effect' | 'replay'): void {
    entry.hasEffect = kind === 'effect';
    entry.isReplay = kind === 'replay';
    this.#countsOf(entry)[kind === 'effect' ? 'effects' : 'replays'] += 1;
  }

  /** The first end counts: a reset is not also a client's abort. */
  close(entry: OpenEntry, end: JournalEntry['end'], status?: number): void {
    if (entry.end !== 'pending') return;
    entry.end = end;
    entry.status = status;
    entry.endedAtMs = Date.now();
  }

  clear(): void {
    this.#entries = [];
    this.#counts.clear();
  }

  #countsOf({ operation = 'unknown' }: OpenEntry) {
    const kept = this.#counts.get(operation) ?? { requests: 0, effects: 0, replays: 0, faults: 0 };
    this.#counts.set(operation, kept);
    return kept;
  }
}
