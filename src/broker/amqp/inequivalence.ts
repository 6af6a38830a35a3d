/** What RabbitMQ says when a declaration differs from what is there, read as a value. Pure. */

export interface Inequivalence {
  /** `x-message-ttl`, `durable`, `type` */
  readonly property: string;
  /** What is there; undefined for what is not set. A type of queue is always set: where RabbitMQ 3 says that there is none, it is classic. */
  readonly value: string | number | boolean | undefined;
}

const SENTENCE = /inequivalent arg '([^']+)' for .*: received (.*) but current is (.*)$/s;
const TYPED = /^the value '(.*)' of type '(\w+)'$/s;
const NUMBERS = new Set([
  'signedint',
  'unsignedint',
  'byte',
  'unsignedbyte',
  'short',
  'unsignedshort',
  'long',
  'double',
  'float',
]);

/** Undefined for any other sentence. */
export function inequivalence(text: string): Inequivalence | undefined {
  const [, property, received = '', current = ''] = SENTENCE.exec(text) ?? [];
  if (property === undefined) return undefined;
  if (current === 'none') return { property, value: property === 'x-queue-type' ? 'classic' : undefined };
  const [, value, type] = TYPED.exec(current) ?? [];
  if (value !== undefined && type !== undefined) return { property, value: typed(value, type) };
  // Without a type both are of one type: that of what was sent, which shows in its value.
  const quoted = bare(current);
  const sent = bare(received);
  const isNumber = /^-?\d+$/.test(quoted) && /^-?\d+$/.test(sent);
  return { property, value: isNumber ? Number(quoted) : quoted };
}

/** Types of exchanges that have a hyphen come in two pairs of quotes. */
const bare = (text: string): string => /^'+(.*?)'+$/s.exec(text)?.[1] ?? text;

function typed(value: string, type: string): string | number | boolean {
  if (NUMBERS.has(type)) return Number(value);
  return type === 'bool' ? value === 'true' : value;
}
