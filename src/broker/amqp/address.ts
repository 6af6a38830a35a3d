/** Broker URLs: what they mean, what is wrong with them, and how to name them without credentials. */
import type { Options } from 'amqplib';
import { ConfigError, type Problem } from '../../errors.ts';

/** Where to connect, read from one URL. */
export interface Endpoint {
  /** Scheme, host, port and virtual host; no credentials. */
  readonly address: string;
  readonly isTls: boolean;
  readonly connect: Options.Connect;
}

/** The smallest frame AMQP 0-9-1 lets a peer ask for is 4096; RabbitMQ from 4.1 on hangs up below this. */
const MIN_FRAME_BYTES = 8192;
const PARAMETERS = ['heartbeat', 'frameMax', 'channelMax'] as const;

/**
 * Reads `amqp://user:password@host:port/vhost?heartbeat=10`. Everything but scheme and host may be left out.
 * @throws ConfigError with all that is wrong; it never shows the URL.
 */
export function readEndpoint(url: string, heartbeatS: number): Endpoint {
  const problems: string[] = [];
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined) throw wrongUrl(['not a URL; expected amqp://user:password@host:port/vhost']);
  // A password like `12#x` ends the host early: what follows is the rest of the password, so nothing of it may be shown.
  if (`${parsed.pathname}${parsed.search}${parsed.hash}`.includes('@')) {
    throw wrongUrl([
      '"@" after the host: write "/", "?" and "#" in a password as %2F, %3F and %23, "@" elsewhere as %40',
    ]);
  }

  const isTls = parsed.protocol === 'amqps:';
  if (!isTls && parsed.protocol !== 'amqp:') {
    problems.push(`scheme "${parsed.protocol}//": expected amqp:// or amqps://`);
  }
  if (parsed.hostname === '') problems.push('the host is missing');
  if (parsed.port === '0') problems.push('port: expected an integer from 1 to 65535, got "0"');
  if (parsed.hash !== '') problems.push('a broker URL has no "#" part; write the character as %23');
  const decode = (what: string, text: string): string => {
    try {
      return decodeURIComponent(text);
    } catch {
      problems.push(`the ${what} holds a malformed percent escape`);
      return '';
    }
  };
  const username = decode('user name', parsed.username);
  const password = decode('password', parsed.password);
  const path = parsed.pathname.replace(/^\//, '');
  const vhost = decode('virtual host', path) || '/';
  if (path.includes('/')) problems.push('the virtual host holds a "/"; write it as %2F');

  for (const name of new Set(parsed.searchParams.keys())) {
    if (!PARAMETERS.some((known) => known === name)) {
      problems.push(`unknown parameter "${name}"; known are ${PARAMETERS.join(', ')}`);
    }
  }
  const number = (name: (typeof PARAMETERS)[number], min: number, max: number): number | undefined => {
    const [text, ...more] = parsed.searchParams.getAll(name);
    if (text === undefined) return undefined;
    if (more.length > 0) problems.push(`parameter "${name}" is given ${more.length + 1} times`);
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    problems.push(`parameter "${name}": expected an integer from ${min} to ${max}, got "${text}"`);
    return undefined;
  };
  const heartbeat = number('heartbeat', 1, 65_535) ?? heartbeatS;
  const frameMax = number('frameMax', MIN_FRAME_BYTES, 2 ** 31 - 1);
  const channelMax = number('channelMax', 1, 65_535);
  if (problems.length > 0) throw wrongUrl(problems);

  const hostname = parsed.hostname.replace(/^\[|\]$/g, '');
  const port = parsed.port === '' ? (isTls ? 5671 : 5672) : Number(parsed.port);
  const hasUser = parsed.username !== '' || parsed.password !== '';
  return {
    address: `${parsed.protocol}//${parsed.hostname}:${port}/${vhost === '/' ? '' : encodeURIComponent(vhost)}`,
    isTls,
    connect: {
      protocol: isTls ? 'amqps' : 'amqp',
      hostname,
      port,
      // amqplib unescapes the virtual host of an object too.
      vhost: encodeURIComponent(vhost),
      heartbeat,
      ...(hasUser ? { username, password } : {}),
      ...(frameMax === undefined ? {} : { frameMax }),
      ...(channelMax === undefined ? {} : { channelMax }),
    },
  };
}

function wrongUrl(messages: readonly string[]): ConfigError {
  return new ConfigError(messages.map((message): Problem => ({ subject: 'broker', path: 'url', message })));
}

/** A text without the user information of any URL in it. */
export function withoutCredentials(text: string): string {
  return text.replace(/\/\/[^\s/@]*@/g, '//');
}
