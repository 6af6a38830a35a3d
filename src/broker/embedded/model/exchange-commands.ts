/** exchange.declare, delete, bind and unbind. */
import { type Destination, Exchange } from './exchange.ts';
import { type AmqpFault, accessRefused, notFound, preconditionFailed } from './fault.ts';
import { EMPTY_TABLE, printed, type Table, textIn } from './field.ts';
import { refuseReserved, withoutLineBreaks } from './names.ts';
import type { Queue } from './queue.ts';
import { refuseOther } from './queue-arguments.ts';
import type { ExchangeKind } from './routing.ts';
import { placeOf, type State } from './state.ts';

export interface ExchangeDeclaration {
  readonly exchange: string;
  readonly type: string;
  readonly passive?: boolean;
  readonly durable?: boolean;
  readonly autoDelete?: boolean;
  readonly internal?: boolean;
  readonly arguments?: Table;
}

const KINDS: readonly string[] = [
  'direct',
  'topic',
  'fanout',
  'headers',
  'x-consistent-hash',
] satisfies readonly ExchangeKind[];
const isKind = (type: string): type is ExchangeKind => KINDS.includes(type);

const notOnDefault = (): AmqpFault => accessRefused('operation not permitted on the default exchange');

/** @throws AmqpFault 404 when there is none of that name. */
export function exchangeNamed(state: State, name: string): Exchange {
  const exchange = state.exchanges.get(name);
  if (exchange === undefined) throw notFound(`no ${placeOf(state, 'exchange', name)}`);
  return exchange;
}

export function declareExchange(state: State, declaration: ExchangeDeclaration): void {
  const name = withoutLineBreaks(declaration.exchange);
  if (name === '') throw notOnDefault();
  if (declaration.passive === true) {
    exchangeNamed(state, name);
    return;
  }
  const { type, arguments: fields = EMPTY_TABLE } = declaration;
  if (!isKind(type)) throw preconditionFailed(`unknown exchange type '${type}'`);
  const existing = state.exchanges.get(name);
  if (existing === undefined) {
    refuseReserved('exchange', name);
    state.exchanges.set(name, newExchange(state, name, type, declaration, fields));
  } else {
    refuseDifferent(state, existing, type, declaration, fields);
  }
}

function newExchange(
  state: State,
  name: string,
  kind: ExchangeKind,
  declaration: ExchangeDeclaration,
  fields: Table,
): Exchange {
  const alternate = fields.get('alternate-exchange');
  if (alternate !== undefined && alternate.type !== 'longstr') {
    const place = `exchange '${name}' in vhost '${state.vhost}'`;
    throw preconditionFailed(`invalid type '${alternate.type}' for arg 'alternate-exchange' in ${place}`);
  }
  return new Exchange({
    name,
    kind,
    isDurable: declaration.durable === true,
    isAutoDelete: declaration.autoDelete === true,
    isInternal: declaration.internal === true,
    arguments: fields,
    alternate: textIn(fields, 'alternate-exchange'),
  });
}

function refuseDifferent(
  state: State,
  existing: Exchange,
  type: ExchangeKind,
  declaration: ExchangeDeclaration,
  fields: Table,
): void {
  const place = placeOf(state, 'exchange', existing.name);
  refuseOtherProperty('type', type, existing.kind, place);
  refuseOtherProperty('durable', declaration.durable === true, existing.isDurable, place);
  refuseOtherProperty('auto_delete', declaration.autoDelete === true, existing.isAutoDelete, place);
  refuseOtherProperty('internal', declaration.internal === true, existing.isInternal, place);
  refuseOther(
    'alternate-exchange',
    fields.get('alternate-exchange'),
    existing.arguments.get('alternate-exchange'),
    place,
  );
}

export function refuseOtherProperty(property: string, received: unknown, current: unknown, place: string): void {
  if (received === current) return;
  throw preconditionFailed(
    `inequivalent arg '${property}' for ${place}: received '${String(received)}' but current is '${String(current)}'`,
  );
}

/** Deleting what is not there succeeds. */
export function deleteExchange(
  state: State,
  command: { readonly exchange: string; readonly ifUnused?: boolean },
): void {
  const name = withoutLineBreaks(command.exchange);
  if (name === '') throw notOnDefault();
  if (name.startsWith('amq.'))
    throw accessRefused(`deletion of system ${placeOf(state, 'exchange', name)} not allowed`);
  const exchange = state.exchanges.get(name);
  if (exchange === undefined) return;
  if (command.ifUnused === true && exchange.hasBindings) {
    throw preconditionFailed(`${placeOf(state, 'exchange', name)} in use`);
  }
  removeExchange(state, exchange);
}

function removeExchange(state: State, exchange: Exchange): void {
  state.exchanges.delete(exchange.name);
  unbindEverywhere(state, exchange);
}

/** Removes all bindings to a queue or exchange that goes; an auto-delete exchange goes with its last binding. */
export function unbindEverywhere(state: State, destination: Destination): void {
  for (const exchange of [...state.exchanges.values()]) {
    if (exchange.unbindAll(destination)) autoDelete(state, exchange);
  }
}

function autoDelete(state: State, exchange: Exchange): void {
  if (exchange.isAutoDelete && !exchange.hasBindings && state.exchanges.get(exchange.name) === exchange) {
    removeExchange(state, exchange);
  }
}

export interface BindingCommand {
  /** Where messages come from. */
  readonly source: string;
  readonly key: string;
  readonly arguments?: Table;
}

export function bindExchange(state: State, command: BindingCommand & { readonly destination: string }): void {
  refuseDefault(command.source, command.destination);
  const source = exchangeNamed(state, command.source);
  bind(source, exchangeNamed(state, command.destination), command);
}

export function unbindExchange(state: State, command: BindingCommand & { readonly destination: string }): void {
  refuseDefault(command.source, command.destination);
  const source = state.exchanges.get(command.source);
  const destination = state.exchanges.get(command.destination);
  if (source !== undefined && destination !== undefined) unbind(state, source, destination, command);
}

export function bindTo(state: State, queue: Queue, command: BindingCommand): void {
  bind(exchangeNamed(state, command.source), queue, command);
}

/** Unbinding what is not bound succeeds. */
export function unbindFrom(state: State, queue: Queue, command: BindingCommand): void {
  const source = state.exchanges.get(command.source);
  if (source !== undefined) unbind(state, source, queue, command);
}

export function refuseDefault(...names: readonly string[]): void {
  if (names.includes('')) throw notOnDefault();
}

function bind(
  source: Exchange,
  destination: Destination,
  { key, arguments: fields = EMPTY_TABLE }: BindingCommand,
): void {
  if (source.kind === 'headers') refuseUnknownMatch(fields);
  if (source.kind === 'x-consistent-hash' && !/^[1-9]\d{0,4}$/.test(key))
    throw preconditionFailed(
      `Binding key '${key}' of an exchange of type x-consistent-hash must be an integer from 1 on`,
    );
  source.bind({ destination, key, arguments: fields });
}

function unbind(state: State, source: Exchange, destination: Destination, command: BindingCommand): void {
  const isUnbound = source.unbind({ destination, key: command.key, arguments: command.arguments ?? EMPTY_TABLE });
  if (isUnbound) autoDelete(state, source);
}

const MATCHES = ['all', 'any', 'all-with-x', 'any-with-x'];

function refuseUnknownMatch(fields: Table): void {
  const match = fields.get('x-match');
  if (match === undefined) return;
  if (match.type !== 'longstr') {
    throw preconditionFailed(`Invalid x-match field type ${match.type} (value ${printed(match)}); expected longstr`);
  }
  if (!MATCHES.includes(printed(match))) {
    throw preconditionFailed(
      `Invalid x-match field value <<"${printed(match)}">>; expected all, any, all-with-x, or any-with-x`,
    );
  }
}
