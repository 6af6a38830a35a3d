/** Which answer of a simulated API is meant by a request. */
import type { TransportRequest } from '../../http/transport.ts';
import { ok } from '../pipelines/answers.ts';
import { type ApiRequest, Operation, readRequest } from '../pipelines/request.ts';
import type { Answerer, SimulatedApiOptions } from './options.ts';

interface Route {
  readonly operation: Operation;
  readonly answerer: Answerer;
}

/** @throws TypeError for an operation that is none. */
export function routesOf(options: SimulatedApiOptions, api: string): readonly Route[] {
  return Object.entries(options)
    .filter(([name]) => name.includes(' '))
    .map(([name, answerer]) => {
      const operation = new Operation(`api "${api}"`, name);
      if (typeof answerer !== 'function')
        throw new TypeError(`api "${api}": ${name}: expected a function from request to answer`);
      return { operation, answerer: answerer as Answerer };
    })
    .sort((one, other) => one.operation.places - other.operation.places);
}

export interface Routed {
  readonly request: ApiRequest;
  /** `POST /charge`: as its answer is named, or method and path. */
  readonly operation: string;
  readonly answerer: Answerer;
}

const EMPTY_OBJECT: Answerer = () => ok({});

export function route(routes: readonly Route[], sent: TransportRequest): Routed {
  const request = readRequest(sent);
  const { method, path } = request;
  for (const { operation, answerer } of routes) {
    const params = operation.match(method, path);
    if (params !== undefined) return { request: { ...request, params }, operation: operation.text, answerer };
  }
  return { request, operation: `${method} ${path}`, answerer: EMPTY_OBJECT };
}
