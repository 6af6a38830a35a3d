/**
 * A saga at work: forwards stage by stage, or back step by step, each move journalled before the next begins.
 * What the journal already holds is not done again, so a run after a crash goes on where the last one stood.
 */
import { defer, mergeMap, type Observable, of, retry, take, throwError, timer } from 'rxjs';
import {
  codeOf,
  type JournalFencedError,
  type JournalHeldError,
  SagaAbandonedError,
  SagaConflictError,
  SagaIdError,
  SagaVersionError,
} from '../errors.ts';
import type { CallTargets } from '../http/call-target.ts';
import type { EntryKey } from '../journal/journal.ts';
import { fingerprint } from '../message/identity.ts';
import { isHidden, writeJson } from '../message/write-json.ts';
import { ColdResult } from '../operators/cold.ts';
import { answerOfUndone, goBack, undoneError } from './go-back.ts';
import { goForward } from './go-forward.ts';
import { type SagaContext, type SagaPlan, shapeOf } from './saga-plan.ts';
import { SagaRun } from './saga-run.ts';

/**
 * Cold. Emits the saga's answer once. Unsubscribing stops after the move under way; its journal is let go.
 *
 * @throws SagaConflictError when the id belongs to another input; the step's own error where it is worth another try later, or where no
 *   `whenCompensated` is given; CompensationFailedError, SagaInDoubtError, SagaForwardFailedError and SagaVersionError when the saga is stuck.
 */
export function runSaga(plan: SagaPlan, input: unknown, context: SagaContext<CallTargets>): Observable<unknown> {
  const run = defer(() => {
    const key = sagaKey(plan, input);
    return context.journal.open(key).pipe(
      mergeMap((journal) => proceed(new SagaRun(plan, key.id, input, context, journal))),
      // The last word: with it the journal is let go.
      take(1),
      retry({ delay: untilFree }),
    );
  });
  return new ColdResult(`saga "${plan.name}"`, (sink) => run.subscribe(sink));
}

/** Its entry in the journal. @throws SagaIdError for an id that is none. */
export const sagaKey = (plan: SagaPlan, input: unknown): EntryKey => ({
  space: 'saga',
  name: plan.name,
  id: checkedId(plan.id(input)),
});

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is them that are refused
const ID = /^[^\u0000-\u001f\u007f]{1,512}$/;

function checkedId(id: unknown): string {
  if (typeof id === 'string' && ID.test(id)) return id;
  const found = typeof id === 'string' ? `one of ${id.length}, or with control characters` : typeof id;
  throw new SagaIdError(`the saga's id has to be a text of 1 to 512 characters, got ${found}`);
}

const HELD: JournalHeldError['code'] = 'ERR_JOURNAL_HELD';
const FENCED: JournalFencedError['code'] = 'ERR_JOURNAL_FENCED';

const ASK_AGAIN_MS = { first: 100, most: 2_000 } as const;

/** Somebody else runs this saga, or took it over: waits for its end, which then is this message's too. The handle's timeout bounds the wait. */
function untilFree(error: unknown, times: number): Observable<unknown> {
  const code: string = codeOf(error);
  if (code !== HELD && code !== FENCED) return throwError(() => error);
  return timer(Math.min(ASK_AGAIN_MS.first * 2 ** Math.min(times - 1, 10), ASK_AGAIN_MS.most));
}

/**
 * Whether its id was used by a message with another body. The same bytes are the same message, whatever a schema makes of them by now; other bytes may
 * say the same, which only the version that began it can tell.
 */
export function isOfAnotherInput(run: SagaRun): boolean {
  const { plan, bodyHash } = run;
  const { started } = run.state;
  if (started === undefined) return false;
  const areBodiesKnown = started.bodyHash !== undefined && bodyHash !== undefined;
  if (areBodiesKnown && started.bodyHash === bodyHash) return false;
  return (started.version ?? plan.version) === plan.version ? started.inputHash !== hashOf(run) : areBodiesKnown;
}

/**
 * The input is what the schema makes of the body: JSON has no text for some of that, and the same one for all maps, sets and what is no number.
 * What nobody sees the members of is told apart by the body it was read from.
 */
function hashOf({ input, bodyHash = '' }: SagaRun): string {
  const writing = writeJson(input);
  if (writing.ok) return fingerprint(writing.text);
  return fingerprint(
    JSON.stringify(input, (_name, value: unknown): unknown => {
      if (typeof value === 'bigint') return ['BigInt', String(value)];
      if (typeof value === 'number') return Number.isFinite(value) ? value : ['Number', String(value)];
      if (typeof value !== 'object' || value === null) return value;
      if (value instanceof Map) return ['Map', ...value];
      if (value instanceof Set) return ['Set', ...value];
      return isHidden(value) ? ['body', bodyHash] : value;
    }),
  );
}

/** Whether it is read as when it was begun, also by a build that asked JSON alone. */
const isReadAsBefore = (run: SagaRun): boolean =>
  run.state.started?.inputHash === hashOf(run) || run.state.started?.inputHash === jsonHashOf(run.input);

const jsonHashOf = (input: unknown): string =>
  fingerprint(JSON.stringify(input, (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value)));

function proceed(run: SagaRun): Observable<unknown> {
  const { plan, sagaId, state } = run;
  const { started } = state;
  if (started === undefined) {
    if (run.isTooLate) return throwError(() => run.tooLate());
    const { bodyHash } = run;
    const body = bodyHash === undefined ? {} : { bodyHash };
    const started = { kind: 'started', inputHash: hashOf(run), ...body, version: plan.version } as const;
    return run.begin({ ...started, shape: shapeOf(plan) }, () => goForward(run));
  }
  if (isOfAnotherInput(run)) {
    return throwError(
      () =>
        new SagaConflictError(`saga "${plan.name}" ${sagaId} was started with another input; ids must not be reused`),
    );
  }
  switch (state.end) {
    case 'completed':
      return of(state.answer);
    case 'undone':
      return repeatUndone(run);
    case 'abandoned':
      return throwError(() => new SagaAbandonedError(plan.name, sagaId));
    case undefined:
      return goOn(run);
  }
}

/** The answer it was undone with. Where none is written down, the definition it was begun under has none, or says it again. */
function repeatUndone(run: SagaRun): Observable<unknown> {
  const { answer } = run.state;
  if (answer !== undefined) return of(answer);
  const plan = planOf(run);
  const said = plan === undefined ? undefined : answerOfUndone(run.under(plan));
  return said === undefined ? throwError(() => undoneError(run, run.state)) : of(said.answer);
}

/** The definition it was begun under; undefined where it is not known here. */
export function planOf({ plan, state }: SagaRun): SagaPlan | undefined {
  const { version = plan.version } = state.started ?? {};
  return [plan, ...plan.former].find((known) => known.version === version);
}

/** By the definition it was begun under. */
function goOn(run: SagaRun): Observable<unknown> {
  const { started, failure } = run.state;
  const { version = run.plan.version, shape } = started ?? {};
  const plan = planOf(run);
  if (plan === undefined) {
    const known = [run.plan, ...run.plan.former].map((each) => each.version).join(', ');
    return run.stuck(
      (facts) => new SagaVersionError(facts, `it was begun under version ${version}, known are ${known}`),
    );
  }
  if (shape !== undefined && shape !== shapeOf(plan)) {
    const what = `the steps of version ${version} have changed since it began; a change of steps needs a new version`;
    return run.stuck((facts) => new SagaVersionError(facts, what));
  }
  // Its calls would have other bodies, and other keys: what is in doubt would be done twice.
  if (plan === run.plan && !isReadAsBefore(run)) {
    const what = 'the same body is read as another input than when it began; a change of the input needs a new version';
    return run.stuck((facts) => new SagaVersionError(facts, what));
  }
  const going = plan === run.plan ? run : run.under(plan);
  return failure === undefined ? goForward(going) : goBack(going);
}
