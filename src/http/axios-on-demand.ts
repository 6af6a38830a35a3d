/**
 * axios, for APIs with an `axios` function alone: it takes longer to load than all of sluice. ES modules are loaded asynchronously and
 * clients made synchronously, so it is loaded before the clients of such APIs are made.
 */
import type { AxiosTransportOptions } from './axios-transport.ts';
import type { CallTarget } from './call-target.ts';
import type { Transport } from './transport.ts';

let loaded: typeof import('./axios-transport.ts') | undefined;

/** Loads axios where one of the APIs asks for it. Once for the process. */
export async function loadAxiosFor(definitions: readonly CallTarget[]): Promise<void> {
  if (definitions.some(asksForAxios)) loaded ??= await import('./axios-transport.ts');
}

/** A definition without its options, from a module in JavaScript, is among the problems. */
const asksForAxios = ({ kind, options }: CallTarget): boolean =>
  kind === 'api' && (options as typeof options | undefined)?.axios !== undefined;

/** @throws TypeError where `loadAxiosFor` has not been awaited. */
export function createAxiosTransport(options: AxiosTransportOptions): Transport {
  if (loaded === undefined) throw new TypeError('axios is not loaded: await loadAxiosFor() before clients are made');
  return loaded.createAxiosTransport(options);
}
