/**
 * Tokens of an OAuth 2.0 token endpoint, kept while they are good: one request for all calls that wait, a new one some time before
 * the old one expires.
 */
import { asyncScheduler, catchError, defer, map, type Observable, of, share, tap, throwError } from 'rxjs';
import { TimeoutExceededError } from '../errors.ts';
import { readJson } from '../message/json.ts';
import { timeoutWithin } from '../operators/timeout-within.ts';
import { headerValueProblem } from './headers.ts';
import type { TokenRequest } from './oauth2.ts';
import { TokenStatusError } from './token-status-error.ts';
import { type Transport, TransportError, type TransportRequest, type TransportResponse } from './transport.ts';

export interface Token {
  readonly value: string;
  readonly obtainedAt: number;
  /** From here on the next call asks for a new one. */
  readonly refreshAt: number;
  readonly expiresAt: number;
  /** Whether it was asked for because the one before it was refused. */
  readonly isReplacement: boolean;
}

/** Renewed this long before its end, or a fifth of its life where that is shorter. */
const RENEWED_BEFORE_MS = 30_000;
/** An API that refuses a token that was just renewed for it refuses the next one too: no second renewal within this time. */
const REPLACED_AT_MOST_EACH_MS = 10_000;

export class TokenSource {
  readonly #requestNow: () => TokenRequest;
  readonly #transport: Transport;
  readonly #timeoutMs: number;
  #token: Token | undefined;
  #isReplacing = false;
  #flight: Observable<Token> | undefined;

  /** `requestNow` is called for each token that is asked for. */
  constructor(requestNow: () => TokenRequest, transport: Transport, timeoutMs: number) {
    this.#requestNow = requestNow;
    this.#transport = transport;
    this.#timeoutMs = timeoutMs;
  }

  /** The token that is good now, asked for where there is none. */
  current(): Observable<Token> {
    return defer(() => {
      const token = this.#token;
      return token !== undefined && asyncScheduler.now() < token.refreshAt ? of(token) : this.#asked();
    });
  }

  /** Another token than the one that was refused; undefined when asking for one would be of no use. */
  instead(refused: Token): Observable<Token> | undefined {
    if (this.#token === refused) {
      const age = asyncScheduler.now() - refused.obtainedAt;
      if (refused.isReplacement && age < REPLACED_AT_MOST_EACH_MS) return undefined;
      this.#token = undefined;
      this.#isReplacing = true;
    }
    return this.current();
  }

  /** One request for all that wait; it ends when the last of them has gone. */
  #asked(): Observable<Token> {
    this.#flight ??= defer(() => this.#transport(requestOf(this.#requestNow()))).pipe(
      timeoutWithin(this.#timeoutMs),
      map((response) => this.#read(response)),
      tap((token) => {
        this.#token = token;
        this.#isReplacing = false;
        // Whoever finds this token refused at once asks for another one, and must not join those who are just told of it.
        this.#flight = undefined;
      }),
      catchError((failure: unknown) => this.#stillGood() ?? throwError(() => named(failure, this.#timeoutMs))),
      share(),
    );
    return this.#flight;
  }

  /** The token that should have been renewed, while it lasts. */
  #stillGood(): Observable<Token> | undefined {
    const token = this.#token;
    return token !== undefined && asyncScheduler.now() < token.expiresAt ? of(token) : undefined;
  }

  #read(response: TransportResponse): Token {
    if (response.status < 200 || response.status > 299) throw new TokenStatusError(response);
    const reading = readJson(response.body);
    if (!reading.ok) throw new TransportError('response', `answer is no acceptable JSON: ${reading.refusal.message}`);
    const { access_token: value, token_type: type, expires_in: expiresIn } = membersOf(reading.value);
    if (typeof value !== 'string' || value === '' || headerValueProblem('authorization', value) !== undefined)
      throw new TransportError('response', 'answer holds no access_token that a header can carry');
    if (typeof type !== 'string' || type.toLowerCase() !== 'bearer')
      throw new TransportError('response', 'answer holds a token of another type than bearer');
    const obtainedAt = asyncScheduler.now();
    const lifeMs = Number(expiresIn) > 0 ? Number(expiresIn) * 1_000 : Number.POSITIVE_INFINITY;
    return {
      value,
      obtainedAt,
      refreshAt: obtainedAt + lifeMs - Math.min(RENEWED_BEFORE_MS, lifeMs / 5),
      expiresAt: obtainedAt + lifeMs,
      isReplacement: this.#isReplacing,
    };
  }
}

const requestOf = ({ origin, path, headers, body }: TokenRequest): TransportRequest => ({
  method: 'POST',
  origin,
  path,
  headers,
  body: Buffer.from(body),
});

const membersOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {};

/** Says that it was the token endpoint which failed. Answers that are too large are garbled as well: tokens are small. */
function named(failure: unknown, timeoutMs: number): unknown {
  if (failure instanceof TimeoutExceededError)
    return new TransportError('network', `token endpoint: no complete answer within ${timeoutMs} ms`);
  if (!(failure instanceof TransportError)) return failure;
  const fault = failure.fault === 'size' ? 'response' : failure.fault;
  return new TransportError(fault, `token endpoint: ${failure.message}`, { cause: failure.cause });
}
