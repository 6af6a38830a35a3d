/** APIs that are told who calls without TLS: whoever is on the way reads the secret, and can use it. */
import { ConfigError } from '../errors.ts';
import { readSettings } from '../http/api-settings.ts';
import type { ApiDefinition } from '../http/define-api.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { isLoopback } from '../policies/asked-as.ts';
import { definitionsOf } from './definitions-of.ts';

/** An address to which a secret goes in plain text. */
export interface PlainAddress {
  readonly api: string;
  /** The setting it stands in. */
  readonly setting: 'baseUrl' | 'auth.tokenUrl';
  /** Scheme, host and port: nothing else of a URL is certain to be no secret. */
  readonly address: string;
}

/** On loopback nobody is on the way. Of an API whose settings are wrong nothing is said: that is told by whoever looks at them. */
export const plainAddresses = (pipelines: readonly Pipeline[]): readonly PlainAddress[] =>
  definitionsOf(pipelines).flatMap((definition) => (definition.kind === 'api' ? plainAddressesOf(definition) : []));

function plainAddressesOf(definition: ApiDefinition): readonly PlainAddress[] {
  const { name: api, options } = definition;
  if (options.auth === undefined) return [];
  try {
    const { base, tokenRequest } = readSettings(definition);
    return [
      ...(isPlain(base.origin) ? [{ api, setting: 'baseUrl', address: base.origin } as const] : []),
      ...(tokenRequest !== undefined && isPlain(tokenRequest.origin)
        ? [{ api, setting: 'auth.tokenUrl', address: tokenRequest.origin } as const]
        : []),
    ];
  } catch (error) {
    if (error instanceof ConfigError) return [];
    throw error;
  }
}

function isPlain(origin: string): boolean {
  const { protocol, hostname } = new URL(origin);
  return protocol === 'http:' && !isLoopback(hostname);
}
