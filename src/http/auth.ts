/**
 * How an API is told who calls: one header, its value read from the environment when the worker starts.
 * The value lives in a closure, so that printing a definition never shows it.
 */
import { currentValue, type Secret, type Setting } from '../setting.ts';

/** A secret value, best one from the environment: `env.secret('PAYMENT_API_KEY')`. */
export type SecretValue = string | Secret | Setting<Secret>;

export interface Auth {
  readonly kind: 'auth';
  /** Name of the header. */
  readonly header: string;
  /**
   * The header's value in clear.
   * @throws ConfigError when the setting behind it is missing or malformed.
   */
  read(): string;
}

const reveal = (secret: SecretValue): string => {
  const value = currentValue<string | Secret>(secret);
  return typeof value === 'string' ? value : value.reveal();
};

/** The secret itself as a header of its own: `x-api-key: …`. */
export const apiKey = (header: string, secret: SecretValue): Auth => ({
  kind: 'auth',
  header: header.toLowerCase(),
  read: () => reveal(secret),
});

/** `Authorization: Bearer …` */
export const bearer = (secret: SecretValue): Auth => ({
  kind: 'auth',
  header: 'authorization',
  read: () => `Bearer ${reveal(secret)}`,
});

/**
 * `Authorization: Basic …`, the user name and the secret as UTF-8.
 * @see https://www.rfc-editor.org/rfc/rfc7617
 */
export const basic = (user: string | Setting<string>, secret: SecretValue): Auth => ({
  kind: 'auth',
  header: 'authorization',
  read: () => `Basic ${Buffer.from(`${currentValue(user)}:${reveal(secret)}`).toString('base64')}`,
});

export const isAuth = (value: unknown): value is Auth =>
  typeof value === 'object' &&
  value !== null &&
  'kind' in value &&
  value.kind === 'auth' &&
  'header' in value &&
  typeof value.header === 'string';
