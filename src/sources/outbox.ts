/** A source that relays the rows of an outbox table: what a transaction of PostgreSQL wrote becomes messages, or nothing where it was rolled back. */
import { createRequire } from 'node:module';
import { z } from 'zod';
import { type QueueOptions, queue } from '../broker/queue.ts';
import { problemsOf, reportProblems, sound } from '../definition.ts';
import { ConfigError, type Problem } from '../errors.ts';
import { type Duration, parseDuration } from '../policies/duration.ts';
import { durationSchema } from '../policies/duration-schema.ts';
import { currentValue, isSetting, Secret, type Setting } from '../setting.ts';
import { outboxFeeder } from './outbox-feeder.ts';
import { TABLE_NAME } from './outbox-sql.ts';
import { postgresOutbox } from './postgres-outbox.ts';
import { queueOptionsShape } from './queue-options.ts';
import type { FedSource } from './source.ts';

export interface OutboxOptions extends QueueOptions {
  /** `postgres://user:password@host:5432/database`; best from the environment: `env.secret('DATABASE_URL')`. */
  readonly url: string | Secret | Setting<string | Secret>;
  /** The table, as `sluice outbox sql` makes it: `outbox`, `shop.outbox`. Default: outbox. */
  readonly table?: string;
  /** Name of the queue the rows are relayed to. Default: the pipeline's name and `.outbox`. */
  readonly queue?: string;
  /** `delete` removes a row that was sent; `mark` sets its `sent_at`, and removing it is yours. Default: delete. */
  readonly sentRows?: 'delete' | 'mark';
  /** Rows in memory at once: 1 to 1000. Default: 100. */
  readonly batch?: number;
  /** How often the table is looked at where no notification wakes the relay: `'100ms'` or more. Default: 5 s. */
  readonly poll?: Duration;
}

/** Texts about URLs never begin with "expected": those that do are shown with the value. */
const URL_NEEDED = 'must be a URL that begins with postgres:// or postgresql://';

const isPostgresUrl = (text: string): boolean => /^postgres(ql)?:\/\//i.test(text) && URL.canParse(text);

const MIN_POLL_MS = 100;

const schema = z.strictObject({
  url: z.custom<unknown>(
    (url) => isSetting(url) || url instanceof Secret || (typeof url === 'string' && isPostgresUrl(url)),
    { error: URL_NEEDED },
  ),
  table: z
    .string()
    .regex(TABLE_NAME, {
      error: 'expected a name of small letters, digits and "_", with its schema before a "." or without',
    })
    .optional(),
  queue: z.string().min(1).optional(),
  sentRows: z.enum(['delete', 'mark']).optional(),
  batch: z.int().min(1).max(1_000).optional(),
  poll: durationSchema()
    .refine((poll) => (parseDuration(poll) ?? 0) >= MIN_POLL_MS, { error: `expected at least '100ms'` })
    .optional(),
  bindings: z.unknown().optional(),
  ...queueOptionsShape,
});

/**
 * Relays rows that transactions of yours wrote into a table to the pipeline's own queue, each with a confirm, and then deletes or marks them.
 *
 * Rows with the same `key` are relayed one after the other, in the order of their ids; across keys there is none, and transactions of one key that run
 * at the same time have none either. Every worker relays, each key by one of them at a time. A crash anywhere leaves rows where they are: what was
 * relayed already comes again, with the same message id. In memory are at most `batch` rows. Unsubscribing, and a shutdown whose grace period is over, roll back.
 * Needs the package pg.
 * @throws DefinitionError naming each wrong option; never what a URL holds.
 */
export function outbox(options: OutboxOptions): FedSource {
  const subject = `outbox "${String(options?.table ?? 'outbox')}"`;
  const problems = problemsOf(subject, schema, options);
  reportProblems(problems);
  const {
    url,
    table = 'outbox',
    queue: name,
    sentRows = 'delete',
    batch = 100,
    poll = '5s',
    ...queueOptions
  } = sound(options, problems);
  const feeder = outboxFeeder({
    title: `outbox ${table}`,
    open: postgresOutbox({ url: () => (url === undefined ? '' : readUrl(subject, url)), table, sentRows }),
    maxRows: batch,
    pollMs: parseDuration(poll) ?? MIN_POLL_MS,
  });
  return {
    kind: 'fed',
    resolve: (pipeline) => ({
      ...queue(name ?? `${pipeline}.outbox`, queueOptions),
      feeder: { ...feeder, check: () => check(subject, url) },
    }),
  };
}

/** Without a URL nothing is said of it: it was wrong, which was told when the source was defined. */
function check(subject: string, url: OutboxOptions['url'] | undefined): void {
  const problems: Problem[] = [];
  try {
    createRequire(import.meta.url).resolve('pg');
  } catch {
    const message = 'needs the package pg, which is not installed; run `npm install pg`';
    problems.push({ subject, path: '', message });
  }
  try {
    if (url !== undefined) readUrl(subject, url);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
  }
  if (problems.length > 0) throw new ConfigError(problems);
}

function readUrl(subject: string, url: OutboxOptions['url']): string {
  const value = currentValue<string | Secret>(url);
  const text = typeof value === 'string' ? value : value.reveal();
  if (isPostgresUrl(text)) return text;
  const place = isSetting(url) ? { subject: 'environment', path: url.name } : { subject, path: 'url' };
  throw new ConfigError([{ ...place, message: URL_NEEDED }]);
}
