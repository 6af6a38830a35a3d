/** The property `expiration`: milliseconds as digits. */
import { preconditionFailed } from './fault.ts';
import type { BasicProperties } from './message.ts';

const MAX_EXPIRATION_MS = 315_360_000_000;

export const expirationOf = ({ expiration }: BasicProperties): number | undefined =>
  expiration === undefined ? undefined : Number(expiration);

/** @throws AmqpFault 406 with the complaint of RabbitMQ's own parser. */
export function refuseInvalidExpiration({ expiration }: BasicProperties): void {
  if (expiration === undefined) return;
  const [, digits, rest = ''] = /^([+-]?\d+)([\s\S]*)$/.exec(expiration) ?? [];
  const complain = (complaint: string): never => {
    throw preconditionFailed(`invalid expiration '${expiration}': ${complaint}`);
  };
  if (digits === undefined) complain('no_integer');
  else if (rest !== '') complain(`{leftover_string,"${rest}"}`);
  else if (Number(digits) < 0) complain(`{value_negative,${Number(digits)}}`);
  else if (Number(digits) > MAX_EXPIRATION_MS) complain(`{value_too_large,${Number(digits)}}`);
}
