/**
 * What a piece of an author's work has built of calls. A call is made by whoever subscribes to it; of work that waits for promises nobody does,
 * once it is over, and what was built would be taken for done.
 */
import { type Observable, type ObservableInput, tap } from 'rxjs';
import { firstOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import { streamOf } from '../operators/stream-of.ts';
import type { CallFacts } from './classify.ts';

/** A call, whatever is to be sent by it. */
interface Built {
  readonly call: CallFacts;
  /** Somebody has subscribed to it. */
  isMade: boolean;
}

/** Counts the calls that nobody has made yet, by their operation. Holds none of them: a handle may build one for each of a million rows, and want a few. */
export class BuiltCalls {
  readonly #unmade = new Map<CallFacts, number>();
  #isOneMade = false;
  #isOneFailed = false;

  built({ call }: Built): void {
    this.#unmade.set(call, (this.#unmade.get(call) ?? 0) + 1);
  }

  /** Somebody subscribes to it, maybe once more. */
  made(built: Built): void {
    if (built.isMade) return;
    built.isMade = true;
    this.#isOneMade = true;
    const others = (this.#unmade.get(built.call) ?? 1) - 1;
    if (others === 0) this.#unmade.delete(built.call);
    else this.#unmade.set(built.call, others);
  }

  /** An attempt of one has failed, which may be why others are not made. */
  failed(): void {
    this.#isOneFailed = true;
  }

  /**
   * Asked when the work is over, for those that it leaves behind.
   * @throws TypeError that names the first, when none was made at all.
   */
  leftBehind(): ReadonlySet<string> {
    const names = new Set([...this.#unmade.keys()].map(({ api, operation }) => `${api} ${operation}`));
    if (this.#isOneMade || names.size === 0) return this.#isOneFailed ? new Set() : names;
    throw new TypeError(`${firstOf([...names], (name) => name)}: built and never made; ${HOW}`);
  }
}

const HOW =
  'await firstValueFrom(call), of gather({ … }) and of call.pipe(…) too, or return it itself (not out of an async function); where it is not always wanted, defer(() => call)';

/** A handle's run, or a step's. */
interface Work {
  /** What was built until then. Undefined where nobody asked for an API. */
  readonly calls: BuiltCalls | undefined;
  readonly log: Logger;
}

/** Calls that a pipeline's log is told of: an author may build paths from messages, and those never repeat. */
const MAX_TOLD = 100;

/** Of a pipeline or a saga, what its log was told of: each call once. */
const told = new WeakMap<object, Set<string>>();

/**
 * What an author's function gave, as an Observable, which fails where its end leaves calls behind and has made none. Where it has made some, and none of
 * them failed, the log is told of the others: they may be a mistake, or were not wanted.
 *
 * @param subject what is given, with its verb: `the handle returned`.
 * @param author the pipeline or saga that the function is of.
 * @throws TypeError as `streamOf` does.
 */
export function streamOfWork<T>(subject: string, given: ObservableInput<T>, work: Work, author: object): Observable<T> {
  const stream = streamOf(subject, given);
  // Of an Observable nobody can tell: which of its calls are wanted may be what it decides.
  if ('subscribe' in given) return stream;
  return stream.pipe(tap({ complete: () => tellLeftBehind(work, author) }));
}

function tellLeftBehind(work: Work, author: object): void {
  for (const call of work.calls?.leftBehind() ?? []) {
    const known = told.get(author) ?? new Set();
    if (known.has(call) || known.size >= MAX_TOLD) continue;
    told.set(author, known.add(call));
    work.log.warn(
      { call },
      `a call was built and never made, while others were: its message goes on without it, and of further ones nothing is said; ${HOW}`,
    );
  }
}
