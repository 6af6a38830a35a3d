/** A service bound to a message: its requests carry the message's identity, deadline and idempotency keys. */
import { PermanentError, RequestInvalidError } from '../errors.ts';
import { type Known, unknownOption } from '../policies/unknown-option.ts';
import type { CallScope } from './bound-api.ts';
import { callOf } from './call.ts';
import { CallRequest } from './call-request.ts';
import type { CallParts } from './call-run.ts';
import type { Call } from './cold-call.ts';
import { SERVICE_ORIGIN, type ServiceDefinition } from './define-service.ts';
import { targetOf } from './idempotency-key.ts';
import { type Repeats, repeatsOf } from './repeats.ts';
import { inKeyScope, type TwinScope } from './scope-apis.ts';
import type { AskOptions, Service } from './service.ts';
import type { ServiceOperation } from './service-options.ts';
import type { Operation } from './template-cache.ts';

/** The method of a request to a service, in the place of HTTP's. */
const ASK = 'ASK';

/** An operation with all that its calls have in common. */
interface KnownOperation {
  readonly operation: Operation;
  readonly definition: ServiceOperation;
}

/** Read once for all messages. */
export function operationsOf({ name, options }: ServiceDefinition): ReadonlyMap<string, KnownOperation> {
  const base = { origin: SERVICE_ORIGIN, prefix: '' };
  const known = Object.entries(options.operations).map(([path, definition]): [string, KnownOperation] => {
    const template = { base, texts: [path], names: [], fixed: path };
    const target = targetOf(name, ASK, path, '');
    const call = { api: name, operation: `${ASK} ${path}` };
    return [path, { operation: { call, template, target, kin: undefined }, definition }];
  });
  return new Map(known);
}

const NO_OPTIONS: AskOptions = {};
const OPTIONS: Known<AskOptions> = { within: true, idempotencyKey: true };

export class BoundService implements Service {
  readonly #name: string;
  readonly #parts: CallParts;
  readonly #operations: ReadonlyMap<string, KnownOperation>;
  readonly #scope: CallScope;
  /** By operation; lives as long as the message. */
  #repeats: Map<string, Repeats> | undefined;

  constructor(name: string, parts: CallParts, operations: ReadonlyMap<string, KnownOperation>, scope: CallScope) {
    this.#name = name;
    this.#parts = parts;
    this.#operations = operations;
    this.#scope = scope;
  }

  /** @throws PermanentError for an operation the service does not have, RequestInvalidError for such an option: the types let neither through. */
  ask(name: string, body: unknown, options: AskOptions = NO_OPTIONS): Call<unknown> {
    const { within, idempotencyKey } = options;
    const known = this.#operations.get(name);
    if (known === undefined) {
      const all = [...this.#operations.keys()].join(', ');
      throw new PermanentError(`service "${this.#name}" has no operation ${JSON.stringify(name)}, only ${all}`);
    }
    const unknown = unknownOption(options, OPTIONS);
    if (unknown !== undefined) throw new RequestInvalidError(known.operation.call, unknown);
    const { request, answer, idempotent } = known.definition;
    const call = new CallRequest({
      operation: known.operation,
      settings: this.#parts.settings,
      scope: this.#scope,
      method: ASK,
      body,
      schema: request,
      options: {
        ...(answer === undefined ? {} : { response: answer }),
        ...(idempotent === undefined ? {} : { idempotent }),
        ...(within === undefined ? {} : { within }),
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      },
      repeats: idempotencyKey === undefined ? this.#repeatsOf(name) : undefined,
    });
    this.#scope.calls?.built(known.operation);
    return callOf(this.#parts, this.#scope, call);
  }

  [inKeyScope](twin: TwinScope): Service {
    return new BoundService(this.#name, this.#parts, this.#operations, { ...this.#scope, ...twin });
  }

  #repeatsOf(operation: string): Repeats {
    this.#repeats ??= new Map();
    return repeatsOf(operation, this.#repeats);
  }
}
