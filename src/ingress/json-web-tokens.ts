/**
 * Clients known by a token that somebody else issues: a JSON Web Token, its signature checked by the issuer's published keys.
 * Rests on jose, an optional peer that is loaded when the front door opens.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8725 for what has to be checked
 */
import { createRequire } from 'node:module';
import type { JWTVerifyGetKey, JWTVerifyOptions } from 'jose';
import {
  asyncScheduler,
  catchError,
  defer,
  firstValueFrom,
  map,
  type Observable,
  of,
  shareReplay,
  switchMap,
} from 'rxjs';
import { z } from 'zod';
import { problemsOf, reportProblems } from '../definition.ts';
import { ConfigError, messageOf, type Problem, systemCodeOf } from '../errors.ts';
import { SecretError } from '../http/secret-value.ts';
import { readTls, TlsError, type TlsOptions } from '../http/tls.ts';
import { tlsSchema } from '../http/tls-schema.ts';
import { isLoopback } from '../policies/asked-as.ts';
import { type Duration, parseDuration } from '../policies/duration.ts';
import { durationSchema } from '../policies/duration-schema.ts';
import { currentValue, isSetting, type Setting } from '../setting.ts';
import type { ClientAuth, Identified } from './client-auth.ts';
import { issuerKeys } from './issuer-keys.ts';
import { comeAgain } from './problem.ts';
import { single } from './request-headers.ts';

export interface JwtOptions {
  /** Who has to have issued it (`iss`), to the letter. */
  readonly issuer: string | Setting<string>;
  /** For whom it has to be (`aud`): this service. */
  readonly audience: string | Setting<string>;
  /** Where the issuer publishes its keys (JWKS): https, or loopback. Read when they are first needed, every 10 minutes, and for a key that is not known, at most every 30 s; after a failure not for 5 s. At most 256 KiB, within 5 s; redirects are not followed. */
  readonly jwks: string | Setting<string>;
  /** Towards `jwks`: authorities, client certificate and pinned keys. Default: the authorities Node trusts. Always: verified, TLS 1.2 or newer. */
  readonly tls?: TlsOptions;
  /** Algorithms of signatures. Default: RS256, PS256, ES256, EdDSA. Those with a shared secret are never taken, `none` neither. */
  readonly algorithms?: readonly string[];
  /** How far the issuer's clock may be off. Default: 5 s. */
  readonly clockTolerance?: Duration;
  /** The claim that names the client. Default: `sub`. */
  readonly clientClaim?: string;
  /** Scopes the token has to have (`scope`, separated by spaces). Default: none. */
  readonly scopes?: readonly string[];
}

const ASYMMETRIC = /^(RS|PS|ES)(256|384|512)$|^EdDSA$|^Ed25519$/;

const text = z.custom((value) => (typeof value === 'string' && value !== '') || isSetting(value), {
  error: 'expected a text or env.string(…)',
});

const schema = z.strictObject({
  issuer: text,
  audience: text,
  jwks: text,
  tls: tlsSchema.optional(),
  algorithms: z
    .array(
      z.string().regex(ASYMMETRIC, { error: 'expected an algorithm with a public key: RS256, PS256, ES256, EdDSA' }),
    )
    .min(1)
    .optional(),
  clockTolerance: durationSchema({ zero: true })
    .refine((tolerance) => (parseDuration(tolerance) ?? 0) <= 300_000, { error: `expected at most '5m'` })
    .optional(),
  clientClaim: z.string().min(1).optional(),
  scopes: z.array(z.string().regex(/^\S+$/)).optional(),
});

/**
 * Bearer tokens of an issuer. While its keys cannot be read, requests are answered with 503.
 * @throws DefinitionError naming every wrong option.
 */
export function jwt(options: JwtOptions): ClientAuth {
  reportProblems(problemsOf('jwt', schema, options));
  return {
    kind: 'clientAuth',
    scheme: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
    open: () => {
      requirePackage();
      const { url, issuer, audience } = readSettings(options);
      // Loaded, and its keys remembered, once for all requests.
      const verifier = defer(() => openVerifier(url, { ...options, issuer, audience })).pipe(
        shareReplay({ bufferSize: 1, refCount: false }),
      );
      return (headers) => {
        const token = /^Bearer +([\w.~+/=-]{1,8192})$/i.exec(single(headers, 'authorization') ?? '')?.[1];
        if (token === undefined) return of(refused('expected "authorization: Bearer …"'));
        return verifier.pipe(switchMap((verify) => verify(token)));
      };
    },
  };
}

/** @throws ConfigError naming every setting that is missing or wrong. */
function readSettings(options: JwtOptions): {
  readonly url: URL;
  readonly issuer: string;
  readonly audience: string;
} {
  const problems: Problem[] = [];
  const read = <T>(value: string | Setting<string>, parse: (text: string) => T): T | undefined => {
    try {
      return parse(currentValue<string>(value));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  };
  const [url, issuer, audience] = [
    read(options.jwks, jwksUrl),
    read(options.issuer, String),
    read(options.audience, String),
  ];
  problems.push(...tlsProblems(options.tls, url));
  if (url === undefined || issuer === undefined || audience === undefined || problems.length > 0)
    throw new ConfigError(problems);
  return { url, issuer, audience };
}

function tlsProblems(tls: TlsOptions | undefined, url: URL | undefined): readonly Problem[] {
  if (tls === undefined) return [];
  try {
    readTls(tls);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    if (error instanceof TlsError || error instanceof SecretError) return [ofJwt('tls', error.message)];
    throw error;
  }
  return url?.protocol === 'http:' ? [ofJwt('tls', 'needs a jwks with https://')] : [];
}

type Verify = (token: string) => Observable<Identified>;

interface Checks extends JwtOptions {
  readonly issuer: string;
  readonly audience: string;
}

async function openVerifier(url: URL, checks: Checks): Promise<Verify> {
  const { createLocalJWKSet, createRemoteJWKSet, customFetch, jwtVerify, errors } = await import('jose');
  const { issuer, audience, algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA'], clockTolerance = '5s' } = checks;
  const { clientClaim = 'sub', scopes = [] } = checks;
  const published = issuerKeys(url, checks.tls, createLocalJWKSet);
  const keys: JWTVerifyGetKey = createRemoteJWKSet(url, {
    cooldownDuration: 30_000,
    // jose knows which keys it has and when it wants them anew; Node's fetch would believe NODE_TLS_REJECT_UNAUTHORIZED, and read without an end.
    [customFetch]: async () => Response.json(await firstValueFrom(published)),
  });
  const fixed: JWTVerifyOptions = {
    issuer,
    audience,
    algorithms: [...algorithms],
    clockTolerance: (parseDuration(clockTolerance) ?? 0) / 1_000,
    requiredClaims: ['exp', clientClaim],
  };

  const isOfToken = (error: unknown): boolean =>
    error instanceof errors.JOSEError && !(error instanceof errors.JWKSInvalid || error instanceof errors.JWKInvalid);

  return (token) =>
    defer(() => jwtVerify(token, keys, { ...fixed, currentDate: new Date(asyncScheduler.now()) })).pipe(
      map(({ payload }): Identified => {
        const client = payload[clientClaim];
        if (typeof client !== 'string' || client === '') return refused(`the token's "${clientClaim}" names no client`);
        const missing = scopes.filter((scope) => !scopesOf(payload.scope).includes(scope));
        return missing.length === 0 ? { ok: true, client: `${issuer}|${client}` } : lacking(missing);
      }),
      catchError((error: unknown) =>
        // Which check failed is for those who look into their token; what it holds is not repeated.
        of(isOfToken(error) ? refused(`the token is refused: ${reasonOf(error)}`) : keysAway(url, error)),
      ),
    );
}

const scopesOf = (claim: unknown): readonly string[] => (typeof claim === 'string' ? claim.split(' ') : []);

function reasonOf(error: unknown): string {
  const code = systemCodeOf(error);
  if (code === 'ERR_JWT_EXPIRED') return 'it has expired';
  if (code === 'ERR_JWT_CLAIM_VALIDATION_FAILED' && error instanceof Error && 'claim' in error)
    return 'reason' in error && error.reason === 'missing'
      ? `it has no "${String(error.claim)}"`
      : `its "${String(error.claim)}" is not what is expected here`;
  if (code === 'ERR_JWKS_NO_MATCHING_KEY') return 'its key is none of the issuer';
  if (code === 'ERR_JOSE_ALG_NOT_ALLOWED') return 'its algorithm is not taken';
  return 'it is malformed, or its signature does not fit';
}

const refused = (detail: string): Identified => ({
  ok: false,
  refusal: { status: 401, code: 'not-authenticated', detail, headers: { 'www-authenticate': 'Bearer' } },
});

const lacking = (scopes: readonly string[]): Identified => ({
  ok: false,
  refusal: { status: 403, code: 'not-allowed', detail: `the token lacks the scope ${scopes.join(' ')}` },
});

/** Why is nothing for clients, and what people need. */
const keysAway = ({ origin, pathname }: URL, error: unknown): Identified => ({
  ok: false,
  refusal: comeAgain('keys-away', "the issuer's keys cannot be read now"),
  fault: `${origin}${pathname}: ${messageOf(error)}${causeOf(error)}`,
});

/** In it the system says why. Where several addresses were tried, that has no text of its own. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause === undefined) return '';
  const causes: readonly unknown[] = cause instanceof AggregateError ? cause.errors : [cause];
  return `: ${causes.map(messageOf).join('; ')}`;
}

const ofJwt = (path: string, message: string): Problem => ({ subject: 'jwt', path, message });

const problem = (message: string): ConfigError => new ConfigError([ofJwt('jwks', message)]);

/** Whoever can change the keys on their way can be every client. */
function jwksUrl(given: string): URL {
  if (!URL.canParse(given)) throw problem('expected a URL that begins with https://');
  const url = new URL(given);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname)))
    throw problem('expected a URL that begins with https://; http is for loopback alone');
  // Nothing is fetched from such a one, and the error that says so shows them.
  if (url.username !== '' || url.password !== '') throw problem('expected a URL without user and password');
  return url;
}

function requirePackage(): void {
  try {
    createRequire(import.meta.url).resolve('jose');
  } catch (cause) {
    const message = 'needs the package jose, which is not installed; run `npm install jose`';
    throw new ConfigError([{ subject: 'jwt', path: '', message }], { cause });
  }
}
