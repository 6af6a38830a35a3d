/**
 * AMQP tables as the model keeps them: ordered, and with the wire type of every value, because RabbitMQ names that type
 * in its errors and hands headers on unchanged.
 */

/** The type names RabbitMQ uses in its error texts. */
export type FieldType =
  | 'bool'
  | 'byte'
  | 'unsignedbyte'
  | 'short'
  | 'unsignedshort'
  | 'signedint'
  | 'unsignedint'
  | 'long'
  | 'float'
  | 'double'
  | 'decimal'
  | 'timestamp'
  | 'longstr'
  | 'binary'
  | 'array'
  | 'table'
  | 'void';

/** Bytes stand for what is not decoded: decimals, strings that are not UTF-8, tables nested too deep to look into. */
export type FieldValue = string | number | bigint | boolean | null | Uint8Array | Table | readonly Field[];

export interface Field {
  readonly type: FieldType;
  readonly value: FieldValue;
}

export type Table = ReadonlyMap<string, Field>;

export const EMPTY_TABLE: Table = new Map();

export const longstr = (value: string): Field => ({ type: 'longstr', value });
export const long = (value: number): Field => ({ type: 'long', value });
export const timestamp = (seconds: number): Field => ({ type: 'timestamp', value: seconds });
export const array = (value: readonly Field[]): Field => ({ type: 'array', value });
export const table = (value: Table): Field => ({ type: 'table', value });

const INTEGER_TYPES: ReadonlySet<FieldType> = new Set([
  'byte',
  'unsignedbyte',
  'short',
  'unsignedshort',
  'signedint',
  'unsignedint',
  'long',
]);

export const isInteger = (field: Field): boolean => INTEGER_TYPES.has(field.type);

export const textIn = (fields: Table, name: string): string | undefined => {
  const value = fields.get(name)?.value;
  return typeof value === 'string' ? value : undefined;
};

export const integerIn = (fields: Table, name: string): number | undefined => {
  const field = fields.get(name);
  return field !== undefined && isInteger(field) ? Number(field.value) : undefined;
};

/** The value as RabbitMQ writes it into error texts and, for numbers, compares it: types of numbers do not matter. */
export const printed = ({ value }: Field): string => (typeof value === 'object' && value !== null ? '' : String(value));

/** A copy with one field set, at its old place or at the end. */
export function withField(fields: Table, name: string, field: Field): Table {
  return new Map(fields).set(name, field);
}

export function withoutField(fields: Table, name: string): Table {
  const rest = new Map(fields);
  rest.delete(name);
  return rest;
}

export const isSameField = (one: Field | undefined, other: Field | undefined): boolean => {
  if (one === undefined || other === undefined) return one === other;
  if (isInteger(one) && isInteger(other)) return Number(one.value) === Number(other.value);
  return one.type === other.type && identity(one) === identity(other);
};

/** A text that is the same for equal fields alone: for binding arguments and headers, which are compared by value. */
export function identity(field: Field): string {
  const { type, value } = field;
  const kind = isInteger(field) ? 'integer' : type;
  if (value instanceof Uint8Array) return `${kind}:${Buffer.from(value).toString('hex')}`;
  if (Array.isArray(value)) return `${kind}:[${(value as readonly Field[]).map(identity).join()}]`;
  if (value instanceof Map) return `${kind}:${tableIdentity(value as Table)}`;
  return `${kind}:${JSON.stringify(printed(field))}`;
}

export function tableIdentity(fields: Table): string {
  if (fields.size === 0) return '';
  const entries = [...fields].map(([name, field]) => `${JSON.stringify(name)}=${identity(field)}`);
  return `{${entries.sort().join()}}`;
}
