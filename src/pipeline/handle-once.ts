/**
 * Handling a message once: its key's entry in the journal is held while it is handled, and written when all of it is done. Whoever finds it
 * written has nothing to do; whoever finds it held waits. A failure writes nothing, so that the next try is no duplicate.
 */
import { asyncScheduler, Observable, Subscription } from 'rxjs';
import {
  isTransient,
  JournalHeldError,
  JournalUnavailableError,
  MessageConflictError,
  messageOf,
  PayloadInvalidError,
} from '../errors.ts';
import type { EntryKey, OpenJournal } from '../journal/journal.ts';
import { fingerprint } from '../message/identity.ts';
import { exponentialBackoff } from '../policies/backoff.ts';
import { clockNow } from './context.ts';
import { type DoneRecord, readDone, writeDone } from './done-record.ts';
import type { Engine } from './engine.ts';
import { type HandlingParts, handleMessage, type Received } from './handle-message.ts';
import type { Claim, Journey, Judged, Verdict } from './journey.ts';
import type { DedupeRule, Pipeline } from './pipeline.ts';
import { toMessages } from './results.ts';

/** How long a message waits in its slot for another that has its key, or for the journal; then it goes back to the broker, for any worker. */
const WAIT_MS = 60_000;

/** As `handleMessage`, and for pipelines with `dedupe` once for each key: emits the verdict once, never errors. Unsubscribing lets the key go. */
export function handleOnceWith(parts: HandlingParts): (received: Received) => Observable<Judged> {
  const { dedupe } = parts.pipeline;
  if (dedupe === undefined) return (received) => handleMessage(received, parts);
  const backoff = exponentialBackoff({ initialMs: 100, maxMs: 2_000, jitter: 'equal' }, parts.engine.random);
  return (received) => handleOnce(received, parts, dedupe, backoff);
}

function handleOnce(
  received: Received,
  parts: HandlingParts,
  dedupe: DedupeRule,
  backoff: (attempt: number) => number,
): Observable<Judged> {
  const { pipeline, engine, inFlight } = parts;
  const { journey, admission } = received;
  if (!admission.ok) return handleMessage(received, parts);
  const { message } = admission;
  return new Observable((sink) => {
    const judge = (verdict: Verdict): void => {
      sink.next({ journey, verdict });
      sink.complete();
    };
    const key = keyOf(journey, message, dedupe, pipeline.tenant);
    if (key instanceof PayloadInvalidError) {
      judge({ kind: 'failed', failure: { stage: 'validate', error: key } });
      return;
    }
    const entryKey = { space: 'dedupe', name: pipeline.name, id: fingerprint('key', key) } as const;
    const giveBack = (reason: string): void => judge({ kind: 'returned', reason });
    const waiting = new Subscription();
    sink.add(waiting);
    const wait = { interrupt: giveBack };
    const reason = inFlight.begin(journey, wait);
    if (reason !== undefined) {
      giveBack(reason);
      return;
    }
    waiting.add(() => inFlight.end(journey, wait));
    waiting.add(engine.drain.subscribe(() => giveBack('the worker is draining')));
    if (sink.closed) return;

    const waitOrFail = (error: unknown, attempt: number, startedAt: number): void => {
      const isWorthWaiting = error instanceof JournalHeldError || error instanceof JournalUnavailableError;
      if (!isWorthWaiting) judge(isTransient(error) ? { kind: 'returned', reason: messageOf(error) } : failed(error));
      else if (clockNow() - startedAt >= WAIT_MS) giveBack(messageOf(error));
      else waiting.add(asyncScheduler.schedule(() => take(attempt + 1, startedAt), backoff(attempt)));
    };

    const take = (attempt: number, startedAt: number): void => {
      const holding = new Holding(engine, entryKey, {
        onHeld: (entry) => {
          waiting.unsubscribe();
          proceed(entry, holding);
        },
        onFailed: (error) => waitOrFail(error, attempt, startedAt),
      });
      sink.add(() => {
        if (!holding.isHandedOver) holding.release();
      });
      holding.begin();
    };

    const proceed = (entry: OpenJournal, holding: Holding): void => {
      const done = readDone(entry.records, pipeline);
      if (done !== undefined) {
        judge(repeated(done, journey, message, pipeline));
        return;
      }
      sink.add(holding.lost((reason) => giveBack(reason)));
      sink.add(
        handleMessage(received, parts).subscribe(({ verdict }) => {
          if (verdict.kind !== 'done') {
            judge(verdict);
            return;
          }
          let record: ReturnType<typeof writeDone>;
          try {
            record = writeDone(journey, dedupe.repeatsResults ? (verdict.emitted ?? []) : undefined, pipeline);
          } catch (error) {
            judge({ kind: 'failed', failure: { stage: 'output', error } });
            return;
          }
          holding.isHandedOver = true;
          judge({ ...verdict, claim: holding.claim(entry, record, dedupe.ttlMs) });
        }),
      );
    };
    take(1, clockNow());
  });
}

interface HoldingEvents {
  readonly onHeld: (entry: OpenJournal) => void;
  /** The entry could not be had. */
  readonly onFailed: (error: unknown) => void;
}

/** A key's entry in hand, from the handle to the settlement. */
class Holding {
  readonly #engine: Engine;
  readonly #key: EntryKey;
  readonly #events: HoldingEvents;
  readonly #hold = new Subscription();
  #isHeld = false;
  #onLost: ((reason: string) => void) | undefined;
  /** Whether somebody else lets it go. */
  isHandedOver = false;

  constructor(engine: Engine, key: EntryKey, events: HoldingEvents) {
    this.#engine = engine;
    this.#key = key;
    this.#events = events;
  }

  begin(): void {
    this.#hold.add(
      this.#engine.journal.open(this.#key).subscribe({
        next: (entry) => {
          this.#isHeld = true;
          this.#events.onHeld(entry);
        },
        error: (error: unknown) => {
          if (this.#isHeld) this.#onLost?.(messageOf(error));
          else this.#events.onFailed(error);
        },
      }),
    );
  }

  /** Tells when another may have it. */
  lost(tell: (reason: string) => void): () => void {
    this.#onLost = tell;
    return () => {
      this.#onLost = undefined;
    };
  }

  claim(entry: OpenJournal, value: unknown, keepMs: number): Claim {
    return {
      done: () => entry.append({ kind: 'kept', at: clockNow(), value }, { keepMs }),
      release: () => this.release(),
    };
  }

  release(): void {
    this.#hold.unsubscribe();
  }
}

/** The key, or why there is none. */
function keyOf(
  { identity }: Journey,
  message: unknown,
  { key }: DedupeRule,
  tenant: Pipeline['tenant'],
): string | PayloadInvalidError {
  try {
    const given: unknown = key === undefined ? identity.messageId : key(message);
    if (typeof given === 'string' && given !== '')
      return tenant === undefined ? given : fingerprint('tenant', tenant(message), given);
    return new PayloadInvalidError('schema', 'dedupe.key must give a text that is not empty');
  } catch (error) {
    return new PayloadInvalidError('schema', `dedupe.key failed: ${messageOf(error)}`, { cause: error });
  }
}

/** What becomes of a message that is done already. */
function repeated(done: DoneRecord, journey: Journey, message: unknown, pipeline: Pipeline): Verdict {
  if (!done.isSameBody(journey) && pipeline.dedupe?.otherBody !== 'done')
    return failed(new MessageConflictError(journey.identity.messageId));
  try {
    const outgoing = toMessages(done.results(), message, journey, pipeline);
    return { kind: 'done', outgoing, reason: 'it was done before' };
  } catch (error) {
    return { kind: 'failed', failure: { stage: 'output', error } };
  }
}

const failed = (error: unknown): Verdict => ({ kind: 'failed', failure: { stage: 'validate', error } });
