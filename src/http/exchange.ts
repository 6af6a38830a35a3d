/** A request and what came of it, as a value or a classified failure: the innermost part of a call, and what breaker and slots see of it. */
import { asyncScheduler, type Observer, type Subscriber } from 'rxjs';
import { readAnswer } from './answer.ts';
import type { ApiSettings } from './api-settings.ts';
import type { CallRequest } from './call-request.ts';
import { callErrorOf, isAccepted, reclassified, statusErrorOf } from './classify.ts';
import type { TransportResponse } from './transport.ts';

/** Takes the one response of a transport and hands on the value it means. */
export class Exchange implements Observer<TransportResponse> {
  readonly #sink: Subscriber<unknown>;
  readonly #request: CallRequest;
  readonly #settings: ApiSettings;
  readonly #onResponse: (response: TransportResponse) => void;
  #response: TransportResponse | undefined;

  constructor(
    sink: Subscriber<unknown>,
    request: CallRequest,
    settings: ApiSettings,
    onResponse: (response: TransportResponse) => void,
  ) {
    this.#sink = sink;
    this.#request = request;
    this.#settings = settings;
    this.#onResponse = onResponse;
  }

  next(response: TransportResponse): void {
    this.#response = response;
    this.#onResponse(response);
  }

  complete(): void {
    const { call, options } = this.#request;
    const response = this.#response;
    let value: unknown;
    try {
      if (response === undefined) throw new TypeError('the transport ended without a response');
      if (!isAccepted(response)) throw statusErrorOf(call, response, asyncScheduler.now());
      value = readAnswer(call, response, options.response);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#sink.next(value);
    this.#sink.complete();
  }

  error(failure: unknown): void {
    this.#fail(callErrorOf(this.#request.call, failure, this.#settings.maxResponseBytes, asyncScheduler.now()));
  }

  #fail(error: unknown): void {
    this.#sink.error(reclassified(error, this.#settings.classify));
  }
}
