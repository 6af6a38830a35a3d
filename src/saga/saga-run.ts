/** One run of a saga: what each of its moves needs, and how a move is made and written down. */
import {
  asyncScheduler,
  catchError,
  concat,
  defaultIfEmpty,
  defer,
  last,
  map,
  type Observable,
  of,
  throwError,
} from 'rxjs';
import {
  codeOf,
  DeadlineExceededError,
  isTransient,
  messageOf,
  type SagaErrorFacts,
  type SagaStuckError,
} from '../errors.ts';
import { BuiltCalls, streamOfWork } from '../http/built-calls.ts';
import type { CallTargets } from '../http/call-target.ts';
import { scopeApis } from '../http/scope-apis.ts';
import type { JournalRecord, OpenJournal } from '../journal/journal.ts';
import { writeJson } from '../message/write-json.ts';
import { requireValue } from '../operators/require-value.ts';
import { retrying } from '../operators/retry-with-backoff.ts';
import { describeJournal } from './describe-journal.ts';
import type { SagaContext, SagaPlan, SagaScope, SagaStage, SagaStep } from './saga-plan.ts';
import { type SagaState, sagaState } from './saga-state.ts';
import { type Standing, standingOf } from './standing.ts';

/** A record as a move writes it; the time is added where it is appended. */
type Move = JournalRecord extends infer R ? (R extends JournalRecord ? Omit<R, 'at'> : never) : never;

/** What became of a move: a value, so that only the author's work counts, not the journal's. */
export type Outcome = { readonly ok: true; readonly result: unknown } | { readonly ok: false; readonly error: unknown };

export class SagaRun {
  readonly plan: SagaPlan;
  readonly sagaId: string;
  readonly input: unknown;
  readonly #context: SagaContext<CallTargets>;
  readonly #journal: OpenJournal;
  readonly #records: JournalRecord[];

  constructor(plan: SagaPlan, sagaId: string, input: unknown, context: SagaContext<CallTargets>, journal: OpenJournal) {
    this.plan = plan;
    this.sagaId = sagaId;
    this.input = input;
    this.#context = context;
    this.#journal = journal;
    this.#records = [...journal.records];
  }

  /** Where the saga stands, by all that is written down. */
  get state(): SagaState {
    return sagaState(this.#records);
  }

  /** The same run, by another definition. */
  under(plan: SagaPlan): SagaRun {
    return new SagaRun(plan, this.sagaId, this.input, this.#context, this.#journal);
  }

  /** Tries a message has; so many has each compensation too. */
  get maxAttempts(): number {
    return this.#context.maxAttempts;
  }

  /** Whether its message is. What was begun is brought to its end, and nothing more is begun. */
  get isTooLate(): boolean {
    const { expiresAt = Number.POSITIVE_INFINITY } = this.#context;
    return asyncScheduler.now() >= expiresAt;
  }

  tooLate(): DeadlineExceededError {
    return new DeadlineExceededError(this.#context.expiresAt ?? asyncScheduler.now());
  }

  /** The code of the error that was its last word; undefined where that was not that it is stuck. */
  get stuckAs(): string | undefined {
    const last = this.#records.at(-1);
    return last?.kind === 'stuck' ? last.code : undefined;
  }

  get standing(): Standing {
    return standingOf(this.#records);
  }

  /** Whether a later try of the message may fare better. After the point of no return it goes on however late it is. */
  isWorthLater(error: unknown, { isAfterPivot }: Pick<SagaStage, 'isAfterPivot'>): boolean {
    return isTransient(error) && this.#context.attempt < this.maxAttempts && (isAfterPivot || !this.isTooLate);
  }

  /** Undefined where nobody knows it. */
  get bodyHash(): string | undefined {
    return this.#context.bodyHash;
  }

  /** Cold. The first record, which names the message. */
  begin<T>(started: Extract<Move, { readonly kind: 'started' }>, next: () => Observable<T>): Observable<T> {
    return this.record(this.#withMessage(started), next);
  }

  /** Cold. Writes a move down, and only then goes on. */
  record<T>(move: Move, next: () => Observable<T>): Observable<T> {
    return concat(
      defer(() => {
        const record: JournalRecord = { ...move, at: asyncScheduler.now() };
        return concat(
          this.#journal.append(record),
          defer(() => {
            this.#records.push(record);
            return [] as never[];
          }),
        );
      }),
      defer(next),
    );
  }

  /** Cold. Makes a step with its retries; each attempt has the same keys. Never fails. */
  attempt(step: SagaStep): Observable<Outcome> {
    return this.#attempt(step, step.run, step.name);
  }

  /** Cold. Undoes a step by `work`, likewise. */
  undo(step: SagaStep, work: SagaStep['run']): Observable<Outcome> {
    return this.#attempt(step, work, `${step.name}/undo`, step.name);
  }

  #attempt(step: SagaStep, work: SagaStep['run'], move: string, undoes?: string): Observable<Outcome> {
    return defer(() => {
      const { log } = this.#context;
      const calls = new BuiltCalls(this.plan);
      return streamOfWork(`step "${step.name}" returned`, work(this.#scope(move, undoes, calls)), { calls, log });
    }).pipe(
      defaultIfEmpty(undefined),
      last(),
      map((result) => requireValue(`step "${step.name}" gave`, result)),
      retrying(step.retry),
      map((result): Outcome => ({ ok: true, result })),
      catchError((error: unknown) => of<Outcome>({ ok: false, error })),
    );
  }

  /** What a move sees. A new one for each attempt: the calls of a move that are alike are told apart by counting them. */
  scope(move: string): SagaScope<unknown, CallTargets, unknown> {
    return this.#scope(move);
  }

  #scope(move: string, undoes?: string, calls?: BuiltCalls): SagaScope<unknown, CallTargets, unknown> {
    const { apis, log } = this.#context;
    return {
      input: this.input,
      results: Object.fromEntries(this.state.results),
      log,
      apis: scopeApis(apis, { keyScope: `saga/${this.plan.name}/${this.sagaId}/${move}`, undoes, calls }),
    };
  }

  /** Neither on nor back: written down, told, and the message fails for good. */
  stuck(make: (facts: Omit<SagaErrorFacts, 'step'>) => SagaStuckError): Observable<never> {
    const { plan, sagaId } = this;
    const { code, message, step } = make({ saga: plan.name, sagaId, journal: '' });
    return this.record(this.#withMessage({ kind: 'stuck', step, code, message }), () => {
      return throwError(() => make({ saga: plan.name, sagaId, journal: describeJournal(this.#records) }));
    });
  }

  /** People find its dead letter by it. */
  #withMessage<M extends Move>(move: M): M {
    const { messageId } = this.#context;
    return messageId === undefined ? move : { ...move, messageId };
  }
}

/** How an error is written down. */
export const failureOf = (error: unknown): { readonly code: string; readonly message: string } => ({
  code: codeOf(error),
  message: messageOf(error),
});

/**
 * A value as it will come back from the journal, so that a saga sees the same whether it was interrupted or not.
 * @throws TypeError, which says whose value it is, for what JSON cannot hold, or would make something else of.
 */
export function plain(value: unknown, subject: string): unknown {
  if (value === undefined) return undefined;
  // Answers without a body, gathered in a list: refused after they have taken effect, they would hold the saga up for nothing that is lost.
  const written = writeJson(value, { gaps: 'null' });
  if (!written.ok)
    throw new TypeError(`${subject} cannot be written down: ${written.message}; it has to be plain data`);
  return JSON.parse(written.text) as unknown;
}
