/** A JSON value as the source text that makes it. */

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

export function literalOf(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (value instanceof Uint8Array) return `Buffer.from(${quoted(Buffer.from(value).toString('utf8'))})`;
  if (Array.isArray(value)) return `[${value.map(literalOf).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const members = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .map(([name, item]) => `${nameOf(name)}: ${literalOf(item)}`);
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}

/** In single quotes, with the escapes of JSON. */
export const quoted = (text: string): string =>
  `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;

const nameOf = (name: string): string => {
  if (name === '__proto__') return "['__proto__']";
  return IDENTIFIER.test(name) ? name : quoted(name);
};

/** `order-processing` as a name of the language: `orderProcessing`. */
export const identifierOf = (name: string): string => {
  const camel = name.replace(/[^A-Za-z0-9]+(.)?/g, (_, next: string | undefined) => next?.toUpperCase() ?? '');
  return IDENTIFIER.test(camel) ? camel : `_${camel}`;
};
