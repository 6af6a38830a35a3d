/** An exchange and its bindings. How a type routes stands in routing.ts. */
import type { Table } from './field.ts';
import { tableIdentity } from './field.ts';
import type { Message } from './message.ts';
import type { Queue } from './queue.ts';
import { type Binding, createRouter, type ExchangeKind, type Router } from './routing.ts';

export interface ExchangeIdentity {
  readonly name: string;
  readonly kind: ExchangeKind;
  readonly isDurable: boolean;
  readonly isAutoDelete: boolean;
  readonly isInternal: boolean;
  readonly arguments: Table;
  readonly alternate: string | undefined;
}

export type Destination = Queue | Exchange;

type ExchangeBinding = Binding<Destination>;

export class Exchange implements ExchangeIdentity {
  readonly name: string;
  readonly kind: ExchangeKind;
  readonly isDurable: boolean;
  readonly isAutoDelete: boolean;
  readonly isInternal: boolean;
  readonly arguments: Table;
  readonly alternate: string | undefined;
  readonly #router: Router<Destination>;
  readonly #bindings = new Map<Destination, Map<string, ExchangeBinding>>();

  constructor(identity: ExchangeIdentity) {
    this.name = identity.name;
    this.kind = identity.kind;
    this.isDurable = identity.isDurable;
    this.isAutoDelete = identity.isAutoDelete;
    this.isInternal = identity.isInternal;
    this.arguments = identity.arguments;
    this.alternate = identity.alternate;
    this.#router = createRouter<Destination>(identity.kind, identity.arguments);
  }

  get hasBindings(): boolean {
    return this.#bindings.size > 0;
  }

  /** Binding twice is binding once. */
  bind(binding: ExchangeBinding): void {
    const known = this.#bindings.get(binding.destination) ?? new Map<string, ExchangeBinding>();
    const id = identityOf(binding);
    if (known.has(id)) return;
    this.#bindings.set(binding.destination, known.set(id, binding));
    this.#router.add(binding);
  }

  /** @returns whether there was such a binding. */
  unbind(binding: ExchangeBinding): boolean {
    const known = this.#bindings.get(binding.destination);
    const found = known?.get(identityOf(binding));
    if (known === undefined || found === undefined) return false;
    known.delete(identityOf(binding));
    if (known.size === 0) this.#bindings.delete(binding.destination);
    this.#router.remove(found);
    return true;
  }

  /** Removes all bindings to a destination. @returns whether there were any. */
  unbindAll(destination: Destination): boolean {
    const known = this.#bindings.get(destination);
    if (known === undefined) return false;
    for (const binding of known.values()) this.#router.remove(binding);
    return this.#bindings.delete(destination);
  }

  route(key: string, message: Message, reach: (destination: Destination) => void): void {
    this.#router.route(key, message, reach);
  }

  /** Where it leads: for restarts, which keep only durable ends. */
  *bindings(): IterableIterator<ExchangeBinding> {
    for (const known of this.#bindings.values()) yield* known.values();
  }
}

const identityOf = ({ key, arguments: fields }: ExchangeBinding): string => `${key}\n${tableIdentity(fields)}`;
