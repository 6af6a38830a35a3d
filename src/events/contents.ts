/** What facts leave out, told apart from them, so that no listener gets to see it by accident. */
import { Observable, Subject } from 'rxjs';
import type { MessageIdentity } from './message.ts';

/** What a message, a result or an answer holds. By reference: whoever keeps it keeps the bytes, and must not change them. */
interface Held {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Uint8Array;
}

/** Content of a delivery. */
export interface MessageContent extends MessageIdentity, Held {
  readonly type: 'message';
  /** Of AMQP: content type, reply-to and the like. */
  readonly properties: Readonly<Record<string, unknown>>;
}

/** Content of a result, as it leaves for its exchange. */
export interface ResultContent extends MessageIdentity, Held {
  readonly type: 'result';
  readonly exchange: string;
  readonly routingKey: string;
}

/** What an API answered to one attempt of a call, whatever its status. */
export interface AnswerContent extends MessageIdentity, Held {
  readonly type: 'answer';
  readonly callId: number;
  readonly attempt: number;
  readonly status: number;
}

/** What facts leave out. Personal data may be in it: whoever listens decides what of it is ever shown. */
export type Content = MessageContent | ResultContent | AnswerContent;

/** Content, told of the messages that somebody wants to have it of. */
export interface Contents {
  /** Whether anybody listens: building what nobody hears is wasted work. */
  readonly isObserved: boolean;
  report(content: Content): void;
  /** Of all messages. Hot; replays nothing. Listeners must not throw. */
  readonly stream: Observable<Content>;
  /** Whether anybody wants to have content of this message: asked before each is built. */
  isWanted(about: MessageIdentity): boolean;
  /** The content of those messages alone for which `wants` says so at that moment. Hot; `stream` has that of all. */
  of(wants: (about: MessageIdentity) => boolean): Observable<Content>;
}

export function createContents(): Contents {
  const all = new Subject<Content>();
  let choosing: readonly Chooser[] = [];
  const isWanted = (about: MessageIdentity): boolean => {
    if (all.observed) return true;
    for (const one of choosing) if (one.wants(about)) return true;
    return false;
  };
  return {
    get isObserved() {
      return all.observed || choosing.length > 0;
    },
    isWanted,
    report: (content) => {
      all.next(content);
      for (const one of choosing) if (one.wants(content)) one.next(content);
    },
    stream: all.asObservable(),
    of: (wants) =>
      new Observable((listener) => {
        const one = { wants, next: (content: Content) => listener.next(content) };
        choosing = [...choosing, one];
        return () => {
          choosing = choosing.filter((other) => other !== one);
        };
      }),
  };
}

interface Chooser {
  readonly wants: (about: MessageIdentity) => boolean;
  next(content: Content): void;
}
