/** Names the broker makes up, and names it keeps for itself. */
import type { Random } from '../../../policies/random.ts';
import { accessRefused } from './fault.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const RANDOM_CHARACTERS = 22;

/** The pseudo-queue of direct reply-to. */
export const REPLY_QUEUE = 'amq.rabbitmq.reply-to';

/** `amq.gen-` for queues, `amq.ctag-` for consumers: 22 characters of base64url, as RabbitMQ writes 16 random bytes. */
export function generatedName(prefix: string, random: Random): string {
  let name = prefix;
  for (let at = 0; at < RANDOM_CHARACTERS; at++) name += ALPHABET[Math.floor(random() * ALPHABET.length)] ?? 'A';
  return name;
}

export function refuseReserved(kind: 'queue' | 'exchange', name: string): void {
  if (name.startsWith('amq.')) throw accessRefused(`${kind} name '${name}' contains reserved prefix 'amq.*'`);
}

/** RabbitMQ drops line breaks from names before it uses them. */
export const withoutLineBreaks = (name: string): string =>
  name.includes('\n') || name.includes('\r') ? name.replace(/[\r\n]/g, '') : name;
