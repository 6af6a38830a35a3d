/**
 * What a sample API can be asked: one operation with the shape of its input and the answer it gives.
 * Ids in answers are made of the request, so that a test can name them before it sends it.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A request that can be carried out. */
export interface Order {
  /** What the request is about (an order, a user): a second effect on the same one gets another id. */
  readonly about: string;
  readonly answer: (id: string) => Answer;
}

export interface Operation {
  /** `POST /charge`: how faults, counts and the journal name it. */
  readonly name: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Whether it changes something. What only reads ignores idempotency keys. */
  readonly hasEffect: boolean;
  /** Of a list: the operation whose effects it lists, by name, and the field of their answers they are sorted by. */
  readonly lists?: { readonly operation: string; readonly by: string };
  /** Checks body and query together; the problems say which fields are missing or wrong. */
  readonly accept: (fields: Readonly<Record<string, unknown>>) => Order | { readonly problems: readonly string[] };
}

interface Definition<Schema extends z.ZodType> {
  readonly input: Schema;
  readonly about: (input: z.output<Schema>) => string;
  /** First part of the ids it makes: `tx` makes `tx-o-1` for order `o-1`. */
  readonly prefix: string;
  readonly answer: (id: string, input: z.output<Schema>) => object;
  readonly status?: number;
}

const operation =
  (method: 'GET' | 'POST') =>
  <Schema extends z.ZodType>(path: string, definition: Definition<Schema>): Operation => {
    const { input: schema, about, prefix, answer, status = 200 } = definition;
    return {
      name: `${method} ${path}`,
      method,
      path,
      hasEffect: method !== 'GET',
      accept(fields) {
        const parsed = schema.safeParse(fields);
        if (!parsed.success)
          return { problems: parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`) };
        const input = parsed.data;
        return { about: `${prefix}-${readable(about(input))}`, answer: (id) => ({ status, body: answer(id, input) }) };
      },
    };
  };

/** An operation with an effect. */
export const post = operation('POST');

/** An operation that only reads. */
export const get = operation('GET');

const listQuery = z.object({
  after: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(1_000).optional(),
});

/** An operation that lists what another one made, a page at a time: `?after=<key>&limit=100` gives `{ items, next? }`. */
export const list = (path: string, lists: { readonly operation: string; readonly by: string }): Operation => ({
  ...get(path, { input: listQuery, about: ({ after = '' }) => after, prefix: 'page', answer: () => ({}) }),
  lists,
});

/** The text itself where it makes a readable id, otherwise a short digest of it. */
const readable = (text: string): string =>
  /^[\w.@+-]{1,64}$/.test(text) ? text : createHash('sha256').update(text).digest('hex').slice(0, 12);

/** Id of the nth effect on the same thing: `tx-o-1`, then `tx-o-1-2`. A number behind it is an effect that came twice. */
export const idOf = (about: string, nth: number): string => (nth === 1 ? about : `${about}-${nth}`);
