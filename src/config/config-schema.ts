/** The worker's settings one by one: what each may be, and what it is where nothing is set. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { type Duration, parseDuration } from '../policies/duration.ts';
import { durationSchema } from '../policies/duration-schema.ts';
import { Secret } from '../setting.ts';
import { amqpUrl } from './amqp-settings.ts';

/** An address, or one with how many of its bits count. */
function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** A name, or an IPv4 address, as a Host has it: so written that it is read as nothing else. */
const isHostName = (text: string): boolean =>
  /^[a-z\d.-]{1,253}$/i.test(text) &&
  URL.canParse(`http://${text}`) &&
  new URL(`http://${text}`).hostname === text.toLowerCase();

/** An address or a name, and no port beside it: colons are those of IPv6, two at least. */
export const HOST = /^(?![^:]*:[^:]*$)[\w.:[\]-]+$/;

const MAX_CALLS_EXPECTED = 'expected a number of calls: an integer, at least 1';

const CONNECTIONS_EXPECTED = 'expected a number of connections: an integer, at least 1';

/** What is wrong with it, never with the value: it holds a password. */
function faultOfPostgresUrl(text: string): string | undefined {
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text))
    return 'expected postgres://user:password@host:5432/database';
  if (new URL(text).pathname.length < 2) return 'names no database; write postgres://user:password@host:5432/database';
  return undefined;
}

/** `500` is a number of milliseconds. */
const numberOrText = (text: string): string | number => (/^\d+$/.test(text) ? Number(text) : text);

/** Texts as the environment and its files have them; what they make of one another is not looked at. */
export const configSchema = z.object({
  AMQP_URL: z
    .string()
    .transform((text) => text.split(',').map((url) => url.trim()))
    .pipe(z.array(amqpUrl))
    .optional(),
  SLUICE_AMQP_CA: z.string().optional(),
  SLUICE_AMQP_CERT: z.string().optional(),
  SLUICE_AMQP_KEY: z.string().optional(),
  SLUICE_AMQP_PINS: z.string().optional(),
  SLUICE_AMQP_AUTH: z.enum(['plain', 'external']).default('plain'),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  LOG_FORMAT: z.enum(['json', 'pretty']).optional(),
  SLUICE_PORT: z.string().refine(isPort, { error: 'expected a port number' }).transform(Number).optional(),
  SLUICE_HOST: z
    .string()
    .regex(HOST, { error: 'expected an address without a port: 127.0.0.1, 0.0.0.0 or a name' })
    .default('127.0.0.1'),
  SLUICE_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]{16,256}$/, { error: 'expected 16 to 256 printable characters without spaces' })
    .transform((text) => new Secret(text))
    .optional(),
  SLUICE_DOOR_HOST: z
    .string()
    .regex(HOST, { error: 'expected an address without a port: 127.0.0.1, 0.0.0.0 or a name' })
    .default('127.0.0.1'),
  SLUICE_DOOR_PORT: z
    .string()
    .refine((text) => text === 'off' || isPort(text), { error: 'expected a port number, or off' })
    .transform((text) => (text === 'off' ? text : Number(text)))
    .optional(),
  SLUICE_DOOR_PROXIES: z
    .string()
    .regex(/^[\da-f.:/]{2,50}(, ?[\da-f.:/]{2,50})*$/i, {
      error: 'expected addresses or networks separated by commas: 10.0.0.0/8,192.168.1.7',
    })
    .transform((text) => text.split(/, ?/))
    .refine((networks) => networks.every(isNetwork), {
      error: 'expected addresses or networks separated by commas: 10.0.0.0/8,192.168.1.7',
    })
    .default([]),
  SLUICE_DOOR_NAMES: z
    .string()
    .transform((text) => text.split(/, ?/))
    .refine((names) => names.every(isHostName), {
      error: 'expected names without port and scheme, separated by commas: api.example.com,shop.example.com',
    })
    .transform((names) => names.map((name) => name.toLowerCase()))
    .default([]),
  /** Shorter ones can be guessed, and that is all it is for. */
  SLUICE_KEY_SECRET: z
    .string()
    .min(16, { error: 'expected at least 16 characters' })
    .transform((text) => new Secret(text))
    .optional(),
  SLUICE_START_WITHIN: z.string().transform(numberOrText).pipe(durationSchema()).optional(),
  SLUICE_DASHBOARD_PAYLOADS: z
    .string()
    .regex(/^[\w$.-]{1,200}(, ?[\w$.-]{1,200})*$/, {
      error: 'expected all, or names of fields and headers separated by commas: order_id,items.sku',
    })
    .transform((text) => (text === 'all' ? text : text.split(/, ?/)))
    .default([]),
  SLUICE_GRACE_PERIOD: z
    .string()
    .transform(numberOrText)
    .pipe(durationSchema({ zero: true }))
    .default('30s'),
  /**
   * A call takes a socket, and an answer in memory: 1000 are below the 1024 open files that many systems allow a process, and far above what
   * the default concurrency of an API, 64, comes to. Whoever wants more says so, and looks at `ulimit -n`.
   */
  SLUICE_MAX_CALLS: z
    .string()
    .regex(/^\d{1,9}$/, { error: MAX_CALLS_EXPECTED })
    .transform(Number)
    .pipe(z.int().min(1, { error: MAX_CALLS_EXPECTED }))
    .default(1_000),
  SLUICE_TOPOLOGY: z.enum(['assert', 'check']).default('assert'),
  SLUICE_JOURNAL_FILE: z.string().optional(),
  SLUICE_JOURNAL_URL: z
    .string()
    .superRefine((text, context) => {
      const message = faultOfPostgresUrl(text);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    })
    .optional(),
  SLUICE_JOURNAL_CONNECTIONS: z
    .string()
    .regex(/^\d{1,4}$/, { error: CONNECTIONS_EXPECTED })
    .transform(Number)
    .pipe(z.int().min(1, { error: CONNECTIONS_EXPECTED }))
    .default(10),
  SLUICE_JOURNAL_KEEP: z
    .string()
    .transform((text) => (/^\d+$/.test(text) ? Number(text) : text))
    .pipe(durationSchema({ zero: true }))
    .default('7d'),
  SLUICE_JOURNAL_LEASE: z
    .string()
    .transform((text) => (/^\d+$/.test(text) ? Number(text) : text))
    .pipe(z.custom<Duration>(isLease, { error: "expected '10s' to '10m': longer than the journal may take to answer" }))
    .default('30s'),
  NODE_ENV: z.string().optional(),
});

/** Renewed three times in its length, each within the seconds that a store may take to answer. */
function isLease(lease: unknown): boolean {
  const ms = parseDuration(lease);
  return ms !== undefined && ms >= 10_000 && ms <= 600_000;
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535;
}
