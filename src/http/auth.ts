/**
 * How an API is told who calls: one header, its value read from the environment when the worker starts, and again from a file where the API refuses
 * it; or a token that is asked for.
 * Values live in closures, so that printing a definition never shows them.
 */
import { canChange, currentValue, type Setting } from '../setting.ts';
import type { OAuth2Auth } from './oauth2.ts';
import { reveal, type SecretValue } from './secret-value.ts';

/** Made by `apiKey`, `bearer`, `basic` or `oauth2`. */
export type Auth = HeaderAuth | OAuth2Auth;

export interface HeaderAuth {
  readonly kind: 'auth';
  readonly scheme: 'header';
  /** Name of the header. */
  readonly header: string;
  /**
   * The header's value in clear.
   * @throws ConfigError when the setting behind it is missing or malformed.
   */
  read(): string;
  /** Whether it may be another one later. */
  canChange(): boolean;
}

/** The secret itself as a header of its own: `x-api-key: …`. */
export const apiKey = (header: string, secret: SecretValue): HeaderAuth => ({
  kind: 'auth',
  scheme: 'header',
  header: header.toLowerCase(),
  read: () => reveal(secret),
  canChange: () => canChange(secret),
});

/** `Authorization: Bearer …` */
export const bearer = (secret: SecretValue): HeaderAuth => ({
  kind: 'auth',
  scheme: 'header',
  header: 'authorization',
  read: () => `Bearer ${reveal(secret)}`,
  canChange: () => canChange(secret),
});

/**
 * `Authorization: Basic …`, the user name and the secret as UTF-8.
 * @see https://www.rfc-editor.org/rfc/rfc7617
 */
export const basic = (user: string | Setting<string>, secret: SecretValue): HeaderAuth => ({
  kind: 'auth',
  scheme: 'header',
  header: 'authorization',
  read: () => `Basic ${Buffer.from(`${currentValue(user)}:${reveal(secret)}`).toString('base64')}`,
  canChange: () => canChange(user) || canChange(secret),
});

export const isAuth = (value: unknown): value is Auth =>
  typeof value === 'object' &&
  value !== null &&
  'kind' in value &&
  value.kind === 'auth' &&
  'scheme' in value &&
  'header' in value &&
  typeof value.header === 'string';
