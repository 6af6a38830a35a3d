/** Secrets as definitions take them. */
import { kindOf } from '../message/class-of.ts';
import { currentValue, Secret, type Setting } from '../setting.ts';

/** A secret value, best one from the environment: `env.secret('PAYMENT_API_KEY')`. */
export type SecretValue = string | Secret | Setting<Secret>;

/**
 * The secret in clear, to be read when the worker starts.
 * @throws ConfigError when the setting behind it is missing or malformed. SecretError for what is none, `process.env.PAYMENT_API_KEY` where nobody set it.
 */
export function reveal(secret: SecretValue): string {
  const value: unknown = currentValue<string | Secret>(secret);
  if (value instanceof Secret) return value.reveal();
  if (typeof value === 'string') return value;
  throw new SecretError(`expected a secret, as env.secret('PAYMENT_API_KEY'), got ${kindOf(value)}`);
}

/** Thrown within src/http only; the message never holds a secret. */
export class SecretError extends Error {}
