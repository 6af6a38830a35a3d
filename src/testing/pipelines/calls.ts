/** API calls as a test expects and sees them. */
import type { CallTarget } from '../../http/call-target.ts';
import { isSame } from '../marble-equal.ts';
import { checkOperation } from './check-operation.ts';
import { checkNames, type Names } from './known-names.ts';
import { memberDifferences } from './member-differences.ts';
import { type ApiRequest, Operation } from './request.ts';
import type { RowRules } from './row.ts';
import { asReceived, callText, namedBy } from './text.ts';

/** What is named is compared, the rest is not looked at. */
export interface CallParts {
  /** The whole body. */
  readonly body?: unknown;
  /** The whole query: all its parameters, each as text. */
  readonly query?: ApiRequest['query'];
  /** Those named here; in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Values of the operation's places: `{ id: '42' }`. */
  readonly params?: Readonly<Record<string, string>>;
}

export interface ExpectedCall {
  readonly kind: 'call';
  readonly api: string;
  readonly operation: string;
  readonly parts: CallParts;
}

/** One attempt of a call as it left for its API. */
export interface SeenCall {
  readonly name: string;
  readonly definition: CallTarget;
  readonly request: ApiRequest;
  /** Undefined for a call nothing answered. */
  readonly answeredBy: Operation | undefined;
}

/** A call as `expectCalls` expects it: `call('payment', 'POST /charge', { body: { amount: 20 } })`. */
export const call = (api: string, operation: string, parts: CallParts = {}): ExpectedCall => {
  checkNames(`call('${api}', '${operation}')`, parts, PARTS);
  return { kind: 'call', api, operation, parts };
};

const PARTS = { body: true, query: true, headers: true, params: true } as const satisfies Names<CallParts>;

const isCall = (value: unknown): value is ExpectedCall =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'call';

/** @throws TypeError for a value that is no call, or one of an API the pipeline does not have. */
export function checkCalls(
  values: Readonly<Record<string, unknown>>,
  definitions: ReadonlyMap<string, CallTarget>,
): void {
  const names = [...definitions.keys()];
  for (const [symbol, value] of Object.entries(values)) {
    const subject = `expectCalls: ${symbol}`;
    if (!isCall(value)) throw new TypeError(`${subject}: expected call('api', 'POST /path', …)`);
    const definition = definitions.get(value.api);
    if (definition === undefined)
      throw new TypeError(`${subject}: the pipeline has no api "${value.api}", only ${names.join(', ') || 'none'}`);
    new Operation(subject, value.operation);
    checkOperation(subject, definition, value.operation);
  }
}

export function callRules(definitionOf: (name: string) => CallTarget | undefined): RowRules<SeenCall> {
  return {
    subject: 'expectCalls',
    title: 'the calls differ from their diagram',
    isMeant: (expected, { definition, request }) => {
      if (!isCall(expected) || definitionOf(expected.api) !== definition) return false;
      const { body, query, headers = {}, params } = expected.parts;
      const places = new Operation('expectCalls', expected.operation).match(request.method, request.path);
      return (
        places !== undefined &&
        (!('body' in expected.parts) || isSame(request.body, asReceived(body))) &&
        (query === undefined || isSame(request.query, query)) &&
        (params === undefined || isSame(places, params)) &&
        Object.entries(headers).every(([name, value]) => request.headers[name.toLowerCase()] === value)
      );
    },
    describe: (value, all) => {
      if (isCall(value)) return callText('call', value.api, value.operation, value.parts);
      return seenText(value as SeenCall, all.filter(isCall));
    },
    differences: (expected, { definition, request }) => {
      if (!isCall(expected) || definitionOf(expected.api) !== definition || !('body' in expected.parts)) return [];
      const isOperation = new Operation('expectCalls', expected.operation).match(request.method, request.path);
      return isOperation === undefined ? [] : memberDifferences(asReceived(expected.parts.body), request.body, 'body');
    },
  };
}

/** With its body, its query, and those headers that any expected call speaks of. */
function seenText({ name, request, answeredBy }: SeenCall, expected: readonly ExpectedCall[]): string {
  const { method, path, query, body, headers } = request;
  const params = answeredBy?.match(method, path) ?? {};
  const named = namedBy(
    headers,
    expected.map(({ parts }) => parts.headers),
  );
  return callText('call', name, answeredBy?.text ?? `${method} ${path}`, {
    ...(body === undefined ? {} : { body }),
    ...(Object.keys(query).length === 0 ? {} : { query }),
    ...(Object.keys(params).length === 0 ? {} : { params }),
    ...(Object.keys(named).length === 0 ? {} : { headers: named }),
  });
}
