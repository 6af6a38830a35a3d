/** What the environment says of the broker: its URLs, who the worker is there, and the certificates of both. */
import { z } from 'zod';
import { nearest } from '../definition.ts';
import { ConfigError, type Problem } from '../errors.ts';
import { isLoopback } from '../policies/asked-as.ts';
import { certificateFaults } from '../policies/certificates.ts';
import { type Environment, problem, textOf } from './environment.ts';

/** Certificates and a key in PEM, pins in base64. The key is a secret: never log it. */
export interface AmqpTlsTexts {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly pins?: readonly string[];
}

export const amqpUrl = z.string().superRefine((text, context) => {
  const reason = faultOfAmqpUrl(text);
  // The value itself holds a password: it is never part of the message.
  if (reason !== undefined) context.addIssue({ code: 'custom', message: reason });
});

function faultOfAmqpUrl(text: string): string | undefined {
  if (!URL.canParse(text) || !/^amqps?:\/\//.test(text))
    return 'expected amqp://user:password@host:5672/vhost, or amqps://…';
  const { hostname, username, password, pathname, searchParams } = new URL(text);
  try {
    for (const part of [username, password, pathname]) decodeURIComponent(part);
  } catch {
    return 'has a "%" that begins no escape; write it as %25';
  }
  if (pathname.slice(1).includes('/')) return 'has a virtual host with a "/" in it; write it as %2F';
  const fault = faultOfParameters(searchParams);
  if (fault !== undefined) return fault;
  // Without a user it is guest, unless a certificate says who we are.
  if (username === 'guest' && !isLoopback(hostname)) return guestOffLoopback(hostname);
  return undefined;
}

const guestOffLoopback = (hostname: string): string =>
  `names user "guest" for host ${hostname}: guest is for loopback only; make a user for the worker`;

/** What each URL and the settings beside it make of each other. Undefined: none is set, or one is wrong by itself, which is reported elsewhere. */
export function faultsOfAmqp(
  texts: Readonly<Record<string, string>>,
  urls: readonly string[] | undefined,
): readonly Problem[] {
  const auth = texts.SLUICE_AMQP_AUTH ?? 'plain';
  const given = AMQP_TLS.filter((name) => texts[name] !== undefined);
  const problems: Problem[] = [];
  const users = (urls ?? []).map((url) => new URL(url));
  for (const { hostname, username } of users) {
    if (auth === 'external' && username !== '')
      problems.push(
        problem('AMQP_URL', 'names a user; with SLUICE_AMQP_AUTH=external the certificate says who the worker is'),
      );
    if (auth === 'plain' && username === '' && !isLoopback(hostname))
      problems.push(problem('AMQP_URL', guestOffLoopback(hostname)));
  }
  if (auth === 'external' && texts.SLUICE_AMQP_CERT === undefined)
    problems.push(problem('SLUICE_AMQP_CERT', 'is not set; SLUICE_AMQP_AUTH=external needs a certificate and its key'));
  const needsTls = given[0] ?? (auth === 'external' ? 'SLUICE_AMQP_AUTH' : undefined);
  const isReported = texts.AMQP_URL !== undefined && urls === undefined;
  if (needsTls !== undefined && !isReported && !(users.length > 0 && users.every(isTls)))
    problems.push(problem(needsTls, 'is for amqps:// alone: every URL of AMQP_URL has to begin with that'));
  return [...problems, ...faultsOfTls(readTlsTexts(texts))];
}

const isTls = ({ protocol }: URL): boolean => protocol === 'amqps:';

const AMQP_TLS = ['SLUICE_AMQP_CA', 'SLUICE_AMQP_CERT', 'SLUICE_AMQP_KEY', 'SLUICE_AMQP_PINS'] as const;

function readTlsTexts(texts: Readonly<Record<string, string | undefined>>): AmqpTlsTexts {
  const { SLUICE_AMQP_CA: ca, SLUICE_AMQP_CERT: cert, SLUICE_AMQP_KEY: key, SLUICE_AMQP_PINS: pins } = texts;
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(pins === undefined ? {} : { pins: pins.split(',').map((pin) => pin.trim()) }),
  };
}

const faultsOfTls = ({ ca, ...texts }: AmqpTlsTexts): readonly Problem[] =>
  certificateFaults({ ...texts, ca: ca === undefined ? [] : [ca] }).map(({ part, message }) =>
    problem(`SLUICE_AMQP_${part.toUpperCase()}`, message),
  );

/** Certificates end, keys are replaced: what files hold counts at each connect. */
export function tlsReadingOf(
  environment: Environment,
  texts: Readonly<Record<string, string>>,
): (() => AmqpTlsTexts) | undefined {
  if (AMQP_TLS.every((name) => texts[name] === undefined)) return undefined;
  return () => {
    const read = readTlsTexts(Object.fromEntries(AMQP_TLS.map((name) => [name, textOf(environment, name)])));
    const faults = faultsOfTls(read);
    if (faults.length > 0) throw new ConfigError(faults);
    return read;
  };
}

/** What each parameter of a broker's URL may be, the ends included. */
const PARAMETERS: Readonly<Record<string, { readonly from: number; readonly to: number; readonly why?: string }>> = {
  heartbeat: { from: 1, to: 65_535, why: 'seconds; without heartbeats a dead connection is never found out' },
  frameMax: { from: 8_192, to: 2 ** 31 - 1, why: 'bytes; RabbitMQ 4.1 refuses less' },
  channelMax: { from: 1, to: 65_535 },
};

function faultOfParameters(parameters: URLSearchParams): string | undefined {
  const known = Object.keys(PARAMETERS);
  for (const [name, text] of parameters) {
    const range = Object.hasOwn(PARAMETERS, name) ? PARAMETERS[name] : undefined;
    if (range === undefined) {
      // A password with a "?" in it ends up here: only what is nearly a known name is no secret, and even that is not repeated.
      const meant = nearest(name, known);
      return `has an unknown parameter${meant === undefined ? `; known are ${known.join(', ')}` : `, did you mean "${meant}"?`}`;
    }
    const { from, to, why } = range;
    if (!/^\d+$/.test(text) || Number(text) < from || Number(text) > to)
      return `expected ${name} to be an integer from ${from} to ${to}${why === undefined ? '' : ` ${why}`}`;
  }
  return undefined;
}
