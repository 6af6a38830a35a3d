/** Calls in virtual time: a transport of diagrams, and what it takes to look at them. */
import { expect } from 'chai';
import { EMPTY, Observable, of } from 'rxjs';
import { catchError } from 'rxjs/operators';
import { TestScheduler } from 'rxjs/testing';
import { SluiceError } from '../../src/errors.ts';
import { createFacts, type Fact } from '../../src/events.ts';
import type { ApiOptions } from '../../src/http/define-api.ts';
import {
  type Transport,
  TransportError,
  type TransportRequest,
  type TransportResponse,
} from '../../src/http/transport.ts';
import { clientOf, scopeOf } from './call-scope.ts';

export const ok = (value: unknown = null): TransportResponse => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(JSON.stringify(value)),
});
export const status = (code: number, headers: TransportResponse['headers'] = {}): TransportResponse => ({
  status: code,
  headers,
  body: Buffer.alloc(0),
});
export const down = new TransportError('network', 'connection refused (ECONNREFUSED)');

export const inVirtualTime = (body: Parameters<TestScheduler['run']>[0]) => (): void => {
  new TestScheduler((actual, expected) => {
    expect(actual).to.deep.equal(expected);
  }).run(body);
};

/** A transport that answers attempt after attempt, the last one for ever, and keeps what it was asked. */
export function transportOf(...answers: readonly Observable<TransportResponse>[]) {
  const requests: TransportRequest[] = [];
  const transport: Transport = (request) =>
    new Observable((sink) => {
      requests.push(request);
      return (answers[requests.length - 1] ?? answers.at(-1) ?? EMPTY).subscribe(sink);
    });
  return { transport, requests };
}

export const codes = catchError((error: unknown) => of(error instanceof SluiceError ? error.code : error));

export const base: ApiOptions = { baseUrl: 'http://api.test/v1' };

/** An API bound to a message, its client, and the facts of its calls. */
export function bound(options: ApiOptions, transport: Transport, scope: Parameters<typeof scopeOf>[0] = {}) {
  const facts = createFacts();
  const seen: Fact[] = [];
  facts.stream.subscribe((fact) => seen.push(fact));
  const client = clientOf(options, transport, facts);
  return { api: client.bind(scopeOf(scope)), client, seen };
}
