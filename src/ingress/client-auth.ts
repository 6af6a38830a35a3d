/**
 * Who a request is from. An author names the way (`clientKeys`, `jwt`); it is opened when the front door is, and asked for each request
 * before a byte of its body is read.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Observable } from 'rxjs';
import type { Logger } from '../log.ts';
import type { Refusal } from './problem.ts';

/** Made by `clientKeys` or `jwt`. */
export interface ClientAuth {
  readonly kind: 'clientAuth';
  /** For the document that describes the API: a security scheme of OpenAPI. */
  readonly scheme: Readonly<Record<string, string>>;
  /**
   * Reads settings and loads what it needs. The log is told of secrets that are replaced while it is open. Default: nobody is.
   * @throws ConfigError when a setting is missing or wrong, or a package is not installed.
   */
  open(log?: Logger): Authenticator;
}

export type Identified =
  | { readonly ok: true; readonly client: string }
  | {
      readonly ok: false;
      readonly refusal: Refusal;
      /** For the log alone: what keeps this process from knowing anybody. */
      readonly fault?: string;
    };

/** Cold. Emits once who it is from, or why that is not known. Never errors. */
export type Authenticator = (headers: IncomingHttpHeaders) => Observable<Identified>;

export const isClientAuth = (value: unknown): value is ClientAuth =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'clientAuth';
