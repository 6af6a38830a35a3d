/** An API that answers as a test says: the transport below the real client, with its retries, breaker, limits and deadlines above it. */
import { asyncScheduler, defer, finalize, type Observable, throwError } from 'rxjs';
import { PermanentError } from '../../errors.ts';
import type { CallTarget } from '../../http/call-target.ts';
import type { Transport, TransportResponse } from '../../http/transport.ts';
import type { MarbleMessage, MarbleSubscription } from '../marble-expectation.ts';
import { originOf } from '../virtual/sandboxed-api.ts';
import { type AnswerFailure, parseAnswer, playAnswer } from './answer-diagram.ts';
import type { Answer } from './answers.ts';
import type { SeenCall } from './calls.ts';
import { checkOperation } from './check-operation.ts';
import { type ApiRequest, Operation, readRequest } from './request.ts';
import type { Row } from './row.ts';
import { callText } from './text.ts';

/** What a test knows of the calls it answered. */
export interface Answered {
  /** From when to when each call waited for its answer: `expectSubscriptions(charge.subscriptions).toBe('--^--!')`. */
  readonly subscriptions: readonly MarbleSubscription[];
}

export interface ApiScript {
  /**
   * Answers an operation, `POST /orders/{id}` of an API, `ASK quote` of a service, by a cold diagram that begins with each call. One diagram answers every call; a list answers one
   * call after the other, and one call more or less fails the test. The values are made by `ok` and `status`, `#` by `httpError` or `networkError`;
   * a diagram without an answer, `-`, leaves the call waiting, and an answer needs its end, `(r|)`.
   */
  on(
    operation: string,
    answers: string | readonly string[],
    values?: Readonly<Record<string, Answer>>,
    failure?: AnswerFailure,
  ): Answered;
}

interface Script {
  readonly operation: Operation;
  readonly answers: readonly (readonly MarbleMessage[])[];
  readonly isForEach: boolean;
  readonly subscriptions: MarbleSubscription[];
}

export class ScriptedApi implements ApiScript {
  readonly #name: string;
  readonly #definition: CallTarget;
  readonly #calls: Row<SeenCall>;
  readonly #scripts: Script[] = [];
  readonly #unexpected = new Map<string, { readonly text: string; count: number }>();

  constructor(name: string, definition: CallTarget, calls: Row<SeenCall>) {
    this.#name = name;
    this.#definition = definition;
    this.#calls = calls;
  }

  /** Calls nobody answered, the first of each operation with the line to add. */
  get unexpected(): readonly string[] {
    return [...this.#unexpected.values()].map(({ text, count }) =>
      count === 1 ? text : `${text}\n  (and ${count - 1} more like it)`,
    );
  }

  /** Lists that were not used up, as a text each. A diagram that answers every call may answer none. */
  get unused(): readonly string[] {
    return this.#scripts.flatMap(({ operation, answers, isForEach, subscriptions }) =>
      isForEach || subscriptions.length >= answers.length
        ? []
        : [
            `fewer calls than there are answers: ${subscriptions.length} of ${answers.length} were asked for\n` +
              `  api.${this.#name}.on('${operation.text}', [${answers.map(() => '…').join(', ')}])`,
          ],
    );
  }

  readonly on: ApiScript['on'] = (text, given, values, failure) => {
    const subject = `api.${this.#name}.on(${JSON.stringify(text)})`;
    const operation = new Operation(subject, text);
    checkOperation(subject, this.#definition, text);
    if (this.#scripts.some((script) => script.operation.text === text))
      throw new TypeError(`${subject}: is answered already; a list of diagrams answers one call after the other`);
    const isForEach = typeof given === 'string';
    const diagrams = isForEach ? [given] : given;
    const answers = diagrams.map((diagram) => parseAnswer(subject, diagram, values, failure));
    const script: Script = { operation, answers, isForEach, subscriptions: [] };
    this.#scripts.push(script);
    return { subscriptions: script.subscriptions };
  };

  readonly transport: Transport = (sent) =>
    defer(() => {
      const request = readRequest(sent);
      const { method, path } = request;
      const [found] = this.#scripts
        .flatMap((script) => {
          const params = script.operation.match(method, path);
          return params === undefined ? [] : [{ script, params }];
        })
        .sort((one, other) => one.script.operation.places - other.script.operation.places);
      this.#calls.add({ definition: this.#definition, name: this.#name, request, answeredBy: found?.script.operation });
      return found === undefined
        ? this.#refuse(request, undefined)
        : this.#answer(found.script, { ...request, params: found.params });
    });

  #answer(script: Script, request: ApiRequest): Observable<TransportResponse> {
    const { answers, isForEach, subscriptions } = script;
    const answer = isForEach ? answers[0] : answers[subscriptions.length];
    if (answer === undefined) return this.#refuse(request, script);
    const index = subscriptions.length;
    const subscribedFrame = asyncScheduler.now();
    subscriptions.push({ subscribedFrame, unsubscribedFrame: Number.POSITIVE_INFINITY });
    return playAnswer(answer, request, originOf(this.#definition.name)).pipe(
      finalize(() => {
        subscriptions[index] = { subscribedFrame, unsubscribedFrame: asyncScheduler.now() };
      }),
    );
  }

  /** The call fails for good, and the test with it. */
  #refuse(request: ApiRequest, script: Script | undefined): Observable<never> {
    const { method, path } = request;
    const operation = script?.operation.text ?? `${method} ${path}`;
    const known = this.#unexpected.get(operation);
    if (known === undefined)
      this.#unexpected.set(operation, { text: this.#advice(request, operation, script), count: 1 });
    else known.count++;
    return throwError(() => new PermanentError(`nothing in the test answers ${method} ${path} of ${this.#name}`));
  }

  /** What is answered, for whoever has misspelt it. */
  #others(): string {
    const operations = this.#scripts.map(({ operation }) => `'${operation.text}'`);
    return operations.length === 0 ? '' : `answered are ${operations.join(', ')}\n`;
  }

  #advice({ method, path, query, body }: ApiRequest, operation: string, script: Script | undefined): string {
    const made = callText('call', this.#name, `${method} ${path}`, definedOnly({ query, body }));
    const when = `at ${asyncScheduler.now()} ms`;
    const on = `api.${this.#name}.on('${operation}'`;
    if (script === undefined)
      return `a call that nothing answers, ${when}:\n  ${made}\n${this.#others()}add:\n  ${on}, '-(r|)', { r: ok() });`;
    const answers = script.answers.length;
    return (
      `one call more than there are answers, ${answers}, ${when}:\n  ${made}\n` +
      `add one to the list:\n  ${on}, [${answers === 0 ? '' : '…, '}'-(r|)'], { r: ok() });`
    );
  }
}

const definedOnly = ({ query, body }: Pick<ApiRequest, 'query' | 'body'>): object => ({
  ...(Object.keys(query).length === 0 ? {} : { query }),
  ...(body === undefined ? {} : { body }),
});
