/** How both lanes connect: the same checks of certificates and addresses, whichever of them a call takes. */
import type { LookupFunction } from 'node:net';
import { type AddressRule, guardedLookup } from './addresses.ts';
import { type TlsConnectOptions, type TlsSettings, tlsConnectOptions } from './tls.ts';

export interface ConnectSettings {
  readonly tls?: TlsSettings | undefined;
  /** The same as it is now, asked for each new connection. Undefined: it does not change. */
  readonly tlsNow?: (() => TlsSettings) | undefined;
  /** Undefined: every address will do. */
  readonly addresses?: AddressRule | undefined;
  /** How names become addresses. Default: as the system does. */
  readonly lookup?: LookupFunction | undefined;
}

export interface ConnectOptions extends TlsConnectOptions {
  readonly lookup?: LookupFunction;
}

/** For `net.connect` and `tls.connect`. */
export function connectOptions({ tls, addresses, lookup }: ConnectSettings): ConnectOptions {
  const guarded = addresses === undefined ? lookup : guardedLookup(addresses, lookup);
  return { ...tlsConnectOptions(tls), ...(guarded === undefined ? {} : { lookup: guarded }) };
}

/** Whether connections are under rules of the definition, which agents and adapters of an author's own would not keep. */
export const isGuarded = ({ tls, addresses }: ConnectSettings): boolean => tls !== undefined || addresses !== undefined;
