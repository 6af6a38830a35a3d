/** An API's answer as a cold diagram: read once, played for each call it answers. */
import { asyncScheduler, Observable } from 'rxjs';
import type { TransportResponse } from '../../http/transport.ts';
import type { MarbleMessage } from '../marble-expectation.ts';
import { MarbleSyntaxError, parseDiagram } from '../marble-parser.ts';
import {
  type Answer,
  type ConnectionFailure,
  failureOf,
  isAnswer,
  isConnectionFailure,
  responseOf,
} from './answers.ts';
import type { ApiRequest } from './request.ts';

/** What `#` stands for. An error of one's own is what an interceptor would throw. */
export type AnswerFailure = Answer | ConnectionFailure | Error;

/** @throws MarbleSyntaxError, TypeError for a diagram no API could answer by. */
export function parseAnswer(
  subject: string,
  diagram: string,
  values: Readonly<Record<string, Answer>> | undefined,
  failure: AnswerFailure | undefined,
): readonly MarbleMessage[] {
  const messages = parseDiagram(subject, diagram, values ?? {}, failure, { needsValues: true });
  const answers = messages.filter(({ notification }) => notification.kind === 'N');
  const symbols = [...diagram].filter((symbol) => values !== undefined && symbol in values);
  if (answers.length > 1)
    throw new MarbleSyntaxError(
      subject,
      'a second answer to one call',
      diagram,
      diagram.lastIndexOf(symbols.at(-1) ?? ''),
    );
  if (answers.length === 1 && messages.every(({ notification }) => notification.kind === 'N'))
    throw new MarbleSyntaxError(
      subject,
      `the answer never ends, so that the call waits for its timeout: write (${symbols[0] ?? 'r'}|), or leave the answer out`,
      diagram,
      diagram.lastIndexOf(symbols[0] ?? ''),
    );
  if (answers.length === 0 && messages.some(({ notification }) => notification.kind === 'C'))
    throw new MarbleSyntaxError(subject, 'the answer ends before it came', diagram, diagram.indexOf('|'));
  for (const symbol of symbols)
    if (!isAnswer(values?.[symbol]))
      throw new TypeError(`${subject}: expected "${symbol}" to be made by ok(…) or status(…)`);
  const fails = messages.some(({ notification }) => notification.kind === 'E');
  if (fails && !(isAnswer(failure) || isConnectionFailure(failure) || failure instanceof Error))
    throw new TypeError(
      `${subject}: expected "#" to be given a meaning, httpError(…) or networkError(…), as the last argument`,
    );
  return messages;
}

/** Cold. The answer to one request, in its time. */
export const playAnswer = (
  messages: readonly MarbleMessage[],
  request: ApiRequest,
  host: string,
): Observable<TransportResponse> =>
  new Observable((subscriber) => {
    const fail = (failure: unknown): void => {
      if (!isAnswer(failure)) {
        subscriber.error(isConnectionFailure(failure) ? failureOf(failure, host) : failure);
        return;
      }
      subscriber.next(responseOf(failure, request));
      subscriber.complete();
    };
    const play = ({ notification }: MarbleMessage): void => {
      if (notification.kind === 'C') subscriber.complete();
      else if (notification.kind === 'E') fail(notification.error);
      else if (isAnswer(notification.value)) subscriber.next(responseOf(notification.value, request));
    };
    for (const message of messages) subscriber.add(asyncScheduler.schedule(() => play(message), message.frame));
  });
