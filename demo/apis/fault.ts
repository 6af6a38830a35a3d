/**
 * Faults on command: what goes wrong, and for which requests.
 * Faults stand in a line; the first that fits a request hits it, and is gone after `times` hits.
 */
import { z } from 'zod';

/** Which requests a fault is for. Default: all, until it is removed. */
const where = {
  /** `POST /charge`. Default: every operation of the API. */
  operation: z.string().optional(),
  /** Field of the body or query (dots lead inwards: `items.0.product_id`) → the value it must have. */
  match: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).optional(),
  /** Requests to hit. Default: no end. */
  times: z.int().positive().optional(),
  /** Share of the fitting requests to hit, 0 to 1, drawn from a seeded sequence. Default 1. */
  ratio: z.number().min(0).max(1).optional(),
  /** Default 1: the same requests give the same hits. */
  seed: z.int().optional(),
};

const ms = z.int().nonnegative().max(3_600_000);

const schema = z.discriminatedUnion('kind', [
  /** Answers with this status, before any effect. `retryAfter` is sent as it is, so that it may be nonsense too. */
  z.strictObject({
    ...where,
    kind: z.literal('status'),
    status: z.int().min(400).max(599),
    retryAfter: z.union([z.string(), z.number()]).optional(),
  }),
  /** Has its effect at once, answers later. */
  z.strictObject({ ...where, kind: z.literal('latency'), ms }),
  /** Never answers, has no effect. */
  z.strictObject({ ...where, kind: z.literal('hang') }),
  /** Resets the connection before the effect. */
  z.strictObject({ ...where, kind: z.literal('reset') }),
  /** Has its effect, then resets the connection: to the client it looks like `reset`. */
  z.strictObject({ ...where, kind: z.literal('lost-answer') }),
  /** Has its effect, then answers with JSON that breaks off. */
  z.strictObject({ ...where, kind: z.literal('bad-json') }),
  /** Has its effect, then answers one byte at a time. `everyMs` default 100. */
  z.strictObject({ ...where, kind: z.literal('drip'), everyMs: ms.optional() }),
]);

export type Fault = Readonly<z.output<typeof schema>>;

/** A fault that waits for its requests. */
export interface PlacedFault {
  readonly fault: Fault;
  readonly hits: number;
  remove(): void;
}

/** The wish for a fault is none that can be met. */
export class FaultInvalidError extends Error {
  override readonly name = 'FaultInvalidError';
}

export type Fields = Readonly<Record<string, unknown>>;

export class Faults {
  readonly #operations: readonly string[];
  #placed: Placed[] = [];

  constructor(operations: readonly string[]) {
    this.#operations = operations;
  }

  get placed(): readonly PlacedFault[] {
    return this.#placed;
  }

  /** @throws FaultInvalidError for a fault or an operation that is not known here. */
  place(wish: unknown): PlacedFault {
    const parsed = schema.safeParse(wish);
    if (!parsed.success) throw new FaultInvalidError(`no such fault:\n${z.prettifyError(parsed.error)}`);
    const { operation } = parsed.data;
    if (operation !== undefined && !this.#operations.includes(operation)) {
      throw new FaultInvalidError(`operation "${operation}" is not known here: ${this.#operations.join(', ')}`);
    }
    const placed = new Placed(parsed.data, () => {
      this.#placed = this.#placed.filter((other) => other !== placed);
    });
    this.#placed.push(placed);
    return placed;
  }

  /** The fault that hits this request, if one does. */
  next(operation: string, fields: Fields): Fault | undefined {
    const hit = this.#placed.find((placed) => placed.hit(operation, fields));
    if (hit !== undefined && hit.hits === hit.fault.times) hit.remove();
    return hit?.fault;
  }

  clear(): void {
    this.#placed = [];
  }
}

class Placed implements PlacedFault {
  readonly fault: Fault;
  readonly remove: () => void;
  readonly #random: () => number;
  hits = 0;

  constructor(fault: Fault, remove: () => void) {
    this.fault = fault;
    this.remove = remove;
    this.#random = seeded(fault.seed ?? 1);
  }

  hit(operation: string, fields: Fields): boolean {
    const { match = {}, ratio = 1 } = this.fault;
    if (this.fault.operation !== undefined && this.fault.operation !== operation) return false;
    if (!Object.entries(match).every(([path, value]) => fieldAt(fields, path) === value)) return false;
    if (this.#random() >= ratio) return false;
    this.hits += 1;
    return true;
  }
}

const fieldAt = (fields: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((value, name) => {
    return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
      ? Reflect.get(value, name)
      : undefined;
  }, fields);

/** Mulberry32: 32 bits of state, the same sequence for the same seed, good enough to spread faults. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
