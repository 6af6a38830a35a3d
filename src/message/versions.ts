/** Versions of a message: each read by its own schema, and lifted step by step to the newest, which is what a handle sees. */
import { z } from 'zod';
import { type Known, reportProblems, sound, unknownOptions } from '../definition.ts';

export interface VersionsOptions {
  /** Name of the member that tells the version, a number or its text. Default: `version`. */
  readonly by?: string;
  /** What a message without that member is. Default: refused. */
  readonly missing?: number;
}

const OPTIONS: Known<VersionsOptions> = { by: true, missing: true };

/** A schema that takes messages of every version so far, and gives those of the newest. */
export type Versioned<Newest> = z.ZodType<Newest, unknown> & {
  /** One version more, with what makes a message of it out of one of the version before: pure and synchronous. */
  next<Output, Input>(schema: z.ZodType<Output, Input>, lift: (message: Newest) => NoInfer<Input>): Versioned<Output>;
};

/** A version, and what lifts the one before to it. */
interface Step {
  readonly schema: z.ZodType;
  readonly lift: (message: unknown) => unknown;
}

/**
 * Version 1 of a message; `next` adds 2, 3 and so on: `versions(V1).next(V2, (old) => ({ … }))`.
 *
 * The member that tells the version is looked at before: schemas need not have it. A message is read by its version's schema, lifted, read by the next one's, and so on. A version nobody knows, and what a lift makes that the next
 * schema refuses, is what does not fit. A lift that throws dead-letters its message.
 * @throws DefinitionError for an option it does not have.
 */
export function versions<First>(schema: z.ZodType<First>, options: VersionsOptions = {}): Versioned<First> {
  const problems = unknownOptions('versions', options, OPTIONS);
  reportProblems(problems);
  return versioned([{ schema, lift: (message) => message }], sound(options, problems));
}

/** What a schema made by `versions` is made of, for whoever describes it. */
export interface KnownVersions {
  /** Name of the member that tells the version. */
  readonly by: string;
  /** What a message without that member is; undefined: refused. */
  readonly missing: number | undefined;
  /** From version 1 on. */
  readonly schemas: readonly z.ZodType[];
}

const known = new WeakMap<z.ZodType, KnownVersions>();

/** Undefined for any other schema, and for what zod made of one. */
export const versionsOf = (schema: z.ZodType): KnownVersions | undefined => known.get(schema);

function versioned<Newest>(steps: readonly Step[], options: VersionsOptions): Versioned<Newest> {
  const schema = z.unknown().transform((value, context) => readVersion(value, steps, options, context));
  const next = <Output, Input>(following: z.ZodType<Output, Input>, lift: (message: Newest) => Input) =>
    versioned<Output>([...steps, { schema: following, lift: (message) => lift(message as Newest) }], options);
  const { by = 'version', missing } = options;
  known.set(schema, { by, missing, schemas: steps.map((step) => step.schema) });
  return Object.assign(schema as z.ZodType<Newest, unknown>, { next });
}

function readVersion(
  value: unknown,
  steps: readonly Step[],
  { by = 'version', missing }: VersionsOptions,
  context: z.RefinementCtx,
): unknown {
  const numbers = steps.map((_, index) => index + 1).join(', ');
  const refuse = (message: string): typeof z.NEVER => {
    context.addIssue({ code: 'custom', message, path: [by] });
    return z.NEVER;
  };
  const isTold = typeof value === 'object' && value !== null && Object.hasOwn(value, by);
  const told: unknown = isTold ? Reflect.get(value, by) : missing;
  if (told === undefined) return refuse(`is missing; known versions are ${numbers}`);
  const version = typeof told === 'string' && /^[1-9]\d{0,3}$/.test(told) ? Number(told) : told;
  if (typeof version !== 'number' || steps[version - 1] === undefined)
    return refuse(`is none of the known versions ${numbers}`);

  let message: unknown = value;
  for (const [index, { schema, lift }] of steps.entries()) {
    if (index < version - 1) continue;
    const read = schema.safeParse(index === version - 1 ? message : lift(message));
    if (!read.success) {
      for (const { message: text, path } of read.error.issues)
        context.addIssue({ code: 'custom', message: `${text} (version ${index + 1})`, path });
      return z.NEVER;
    }
    message = read.data;
  }
  return message;
}
