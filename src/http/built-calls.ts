/**
 * What a piece of an author's work has built of calls. A call is made by whoever subscribes to it; of work that waits for promises nobody does,
 * once it is over, and what was built would be taken for done.
 */
import { type Observable, type ObservableInput, tap } from 'rxjs';
import { firstOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import { streamOf } from '../operators/stream-of.ts';
import type { Operation } from './template-cache.ts';

/** Of a pipeline or saga, since the process began. */
interface Known {
  /** Operations that were made, or what stands for many. One that never was is forgotten where it is built; of any other a call may not be wanted this time. */
  readonly made: WeakSet<object>;
  /** What its log was told of. */
  readonly told: Set<string>;
}

const knownOfAuthors = new WeakMap<object, Known>();

function knownOf(author: object): Known {
  const found = knownOfAuthors.get(author);
  if (found !== undefined) return found;
  const known = { made: new WeakSet(), told: new Set<string>() };
  knownOfAuthors.set(author, known);
  return known;
}

/** What is known together. */
const kinOf = (operation: Operation): object => operation.kin ?? operation;

/** An author may build paths from messages, and those never repeat. */
const MAX_TOLD = 100;

/** Of one handle's run, or one step's. Holds no call: a handle may build one for each of a million rows, and want a few. */
export class BuiltCalls {
  readonly #known: Known;
  /** By what is known together: no more of them than templates are kept. */
  #unmade: Map<object, Operation> | undefined;
  #isOneMade = false;

  /** @param author the pipeline or saga whose work it is. */
  constructor(author: object) {
    this.#known = knownOf(author);
  }

  built(operation: Operation): void {
    const kin = kinOf(operation);
    if (this.#known.made.has(kin)) return;
    this.#unmade ??= new Map();
    this.#unmade.set(kin, operation);
  }

  /** Somebody subscribes to a call of it. */
  made(operation: Operation): void {
    this.#isOneMade = true;
    this.#known.made.add(kinOf(operation));
  }

  /**
   * Asked when the work is over, which may leave calls behind that were never made by its author.
   * @throws TypeError that names them, when nothing else was made either. Otherwise the log is told, of each once.
   */
  requireMade(log: () => Logger): void {
    const forgotten = [...(this.#unmade ?? [])].filter(([kin]) => !this.#known.made.has(kin));
    if (forgotten.length === 0) return;
    const names = [...new Set(forgotten.map(([, { call }]) => `${call.api} ${call.operation}`))];
    if (!this.#isOneMade) throw new TypeError(`${firstOf(names, (name) => name)}: built and never made; ${HOW}`);
    const { told } = this.#known;
    for (const call of names) {
      if (told.has(call) || told.size >= MAX_TOLD) continue;
      told.add(call);
      log().warn(
        { call },
        `a call was built and never made, while others were: its message goes on without it, and of further ones nothing is said; ${HOW}`,
      );
    }
  }
}

const HOW =
  'put it into await firstValueFrom(…), a gather({ … }) and a call.pipe(…) too, or return it (not out of an async function); where it is not always wanted, write defer(() => call)';

/** A handle's run, or a step's. */
interface Work {
  /** What was built until then. Undefined where nobody asked for an API. */
  readonly calls: BuiltCalls | undefined;
  readonly log: Logger;
}

/**
 * What an author's function gave, as an Observable, which fails where its end leaves a call behind that was never made.
 *
 * @param subject what is given, with its verb: `the handle returned`.
 * @throws TypeError as `streamOf` does.
 */
export function streamOfWork<T>(subject: string, given: ObservableInput<T>, work: Work): Observable<T> {
  const stream = streamOf(subject, given);
  // Of an Observable nobody can tell: which of its calls are wanted may be what it decides.
  if ('subscribe' in given) return stream;
  return stream.pipe(tap({ complete: () => work.calls?.requireMade(() => work.log) }));
}
