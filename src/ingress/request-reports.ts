/** Requests are told as facts, each once when it is over: by the pipeline whose path they ask for, and the status of their answer. */
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { asyncScheduler } from 'rxjs';
import type { Facts } from '../events.ts';
import type { ForwardClock } from '../operators/forward-clock.ts';
import { isUnderWay, whenOver } from './when-over.ts';

/** As nginx has it: there is no status for an answer that nobody takes. */
const CLIENT_LEFT = 499;
const ENDED_EARLY = 'HPE_INVALID_EOF_STATE';
/** Names of pipelines come from their definitions, and are not empty. */
const NONE = '';

export class RequestReports {
  readonly #facts: Facts;
  readonly #clock: ForwardClock;
  /** What was written on a connection is the answer to whatever was under way there. */
  readonly #cutBy = new WeakMap<Duplex, number>();

  constructor(facts: Facts, clock: ForwardClock) {
    this.#facts = facts;
    this.#clock = clock;
  }

  /** Its head has come. Without a pipeline it is no message of one. */
  begin(response: ServerResponse, socket: Duplex, pipeline = NONE): void {
    const startedAt = this.#clock.now();
    whenOver(response, socket, () => {
      const status = response.writableFinished ? response.statusCode : (this.#cutBy.get(socket) ?? CLIENT_LEFT);
      this.#report(pipeline, status, this.#clock.now() - startedAt);
    });
  }

  /**
   * This status was written on the connection itself: it is that of the request under way there, or of what never became one.
   * @param code The error's. Whoever ends his side in the middle of a request has left it.
   */
  cut(socket: Duplex, status: number, code?: string): void {
    if (!isUnderWay(socket)) this.#report(NONE, status, 0);
    else if (code !== ENDED_EARLY) this.#cutBy.set(socket, status);
  }

  #report(pipeline: string, status: number, durationMs: number): void {
    if (this.#facts.isHeard.requestAnswered)
      this.#facts.report({ type: 'requestAnswered', at: asyncScheduler.now(), pipeline, status, durationMs });
  }
}
