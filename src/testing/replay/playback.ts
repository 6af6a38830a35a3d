/** APIs that answer from a recording: each call of a message by what the same call got then, as long after it was made. */
import { asyncScheduler, defer, delay, mergeMap, NEVER, type Observable, of, throwError, timer } from 'rxjs';
import { PermanentError } from '../../errors.ts';
import type { CallSent, Transport, TransportRequest, TransportResponse } from '../../http/transport.ts';
import { encodeBody } from '../../message/codec.ts';
import type { RecordedAnswer } from '../../recording/recording.ts';
import { failureOf, networkError } from '../pipelines/answers.ts';
import { readBody } from '../pipelines/text.ts';
import { isAsRecorded } from './same.ts';
import type { Story, ToldCall } from './story.ts';

export class Playback {
  /** Calls that are not answered yet, by message. */
  readonly #left: ReadonlyMap<string, ToldCall[]>;
  readonly #roundUp: (ms: number) => number;
  /** Calls the recording has no answer for. */
  readonly unanswered: string[] = [];

  /** `roundUp`: of the time an answer takes. */
  constructor(stories: readonly Story[], roundUp: (ms: number) => number) {
    this.#left = new Map(stories.map((story) => [keyOf(story), [...story.calls]]));
    this.#roundUp = roundUp;
  }

  readonly transport: Transport = (request) =>
    defer(() => {
      const { sentFor } = request;
      const told = sentFor === undefined ? undefined : this.#take(sentFor, request);
      return told === undefined ? this.#refuse(request) : this.#answer(told);
    });

  /** The first that is alike in all, else the first of the operation: what is different about it is for the comparison to say. */
  #take({ owner, request: { call, options } }: CallSent, { body, headers }: TransportRequest): ToldCall | undefined {
    const left = this.#left.get(keyOf(owner)) ?? [];
    const contentType = headers['content-type'];
    const sent = body === undefined ? undefined : readBody(body, contentType === undefined ? {} : { contentType });
    const ofOperation = left.filter((told) => told.call.api === call.api && told.call.operation === call.operation);
    const found =
      ofOperation.find(
        ({ call: recorded }) =>
          isAsRecorded(sent, recorded.body) &&
          isAsRecorded(options.path, recorded.path) &&
          isAsRecorded(options.params, recorded.query),
      ) ?? ofOperation[0];
    if (found !== undefined) left.splice(left.indexOf(found), 1);
    return found;
  }

  #answer({ call, end }: ToldCall): Observable<TransportResponse> {
    if (end === undefined) return NEVER;
    const afterMs = this.#roundUp(end.at - call.at);
    if (end.kind === 'answered') return of(responseOf(end)).pipe(delay(afterMs, asyncScheduler));
    const failure = failureOf(networkError(end.code), `${call.api}.test`);
    return timer(afterMs, asyncScheduler).pipe(mergeMap(() => throwError(() => failure)));
  }

  #refuse({ method, path, sentFor }: TransportRequest): Observable<never> {
    const what = sentFor === undefined ? `${method} ${path}` : textOf(sentFor);
    this.unanswered.push(what);
    return throwError(() => new PermanentError(`the recording has no answer for ${what}`));
  }
}

const keyOf = ({ pipeline, messageId }: { readonly pipeline: string; readonly messageId: string }): string =>
  JSON.stringify([pipeline, messageId]);

const textOf = ({ owner, request: { call } }: CallSent): string =>
  `${call.api} ${call.operation} of message ${owner.messageId}`;

function responseOf({ status, headers, body }: RecordedAnswer): TransportResponse {
  if (body === undefined) return { status, headers, body: new Uint8Array() };
  if (typeof body === 'string' && headers['content-type']?.startsWith('text/'))
    return { status, headers, body: Buffer.from(body) };
  const encoded = encodeBody(body);
  return { status, headers: { ...headers, 'content-type': encoded.contentType }, body: encoded.body };
}
