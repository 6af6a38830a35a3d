/** Secrets as definitions take them. */
import { currentValue, type Secret, type Setting } from '../setting.ts';

/** A secret value, best one from the environment: `env.secret('PAYMENT_API_KEY')`. */
export type SecretValue = string | Secret | Setting<Secret>;

/**
 * The secret in clear, to be read when the worker starts.
 * @throws ConfigError when the setting behind it is missing or malformed.
 */
export function reveal(secret: SecretValue): string {
  const value = currentValue<string | Secret>(secret);
  return typeof value === 'string' ? value : value.reveal();
}
