/** A pipeline as one worker of a simulated world runs it: the author's own, with its handle and its outputs told to the world. */
import { Observable } from 'rxjs';
import type { Destination } from '../../broker/exchange.ts';
import { streamOfWork } from '../../http/built-calls.ts';
import { resultIdOf } from '../../message/identity.ts';
import type { MessageContext } from '../../pipeline/message-context.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import type { Destinations } from '../../pipeline/pipeline-options.ts';
import type { LifeParts } from './line.ts';
import { addressOf } from './message-names.ts';

/** A handle that is over, while the engine asks where its results go. */
interface Addressing {
  readonly messageId: string;
  readonly promised: string[];
  index: number;
}

export function observedPipeline(pipeline: Pipeline, life: LifeParts): Pipeline {
  const { name, output } = pipeline;
  let running = 0;
  let addressing: Addressing | undefined;

  const observedOutput = (result: unknown, message: unknown): Destinations => {
    const destinations = output?.(result, message);
    if (addressing !== undefined) {
      const resultId = resultIdOf(name, addressing.messageId, addressing.index++);
      for (const { exchange, routingKey } of listOf(destinations))
        addressing.promised.push(addressOf(resultId, exchange, routingKey));
    }
    return destinations;
  };

  const handle: Pipeline['handle'] = (message, context) => {
    const given = pipeline.handle(message, context);
    // What becomes of this is an Observable to the engine, which asks nothing of those: it is asked here.
    const handling = streamOfWork('the handle returned', given, context as MessageContext);
    const { messageId } = context;
    const about = { life: life.ref, pipeline: name, messageId };
    return new Observable((subscriber) => {
      life.emit({ kind: 'handleStarted', ...about, running: ++running });
      let isOver = false;
      const end = (outcome: 'completed' | 'failed' | 'dropped', promised: readonly string[] = []): void => {
        if (isOver) return;
        isOver = true;
        running--;
        life.emit({ kind: 'handleEnded', ...about, outcome, promised });
      };
      subscriber.add(() => end('dropped'));
      return handling.subscribe({
        next: (value) => {
          if (!life.isDead()) subscriber.next(value);
        },
        error: (error: unknown) => {
          if (life.isDead()) return;
          end('failed');
          subscriber.error(error);
        },
        complete: () => {
          if (life.isDead()) return;
          // The engine asks for the destinations while it is told of the end.
          const asked: Addressing = { messageId, promised: [], index: 0 };
          isOver = true;
          running--;
          addressing = asked;
          life.emit({ kind: 'handleEnded', ...about, outcome: 'completed', promised: asked.promised });
          subscriber.complete();
          addressing = undefined;
        },
      });
    });
  };
  return { ...pipeline, handle, output: output === undefined ? undefined : observedOutput };
}

const listOf = (destinations: Destinations): readonly Destination[] =>
  destinations === undefined ? [] : [destinations].flat();
