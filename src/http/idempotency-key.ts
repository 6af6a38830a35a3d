/**
 * Idempotency keys: the name of an effect, the same for every attempt, every resubscription and every redelivery of a call.
 * Hashed, so that a key tells nothing and two scopes (pipelines, tenants, saga steps) never share one.
 */
import { createHmac, hash } from 'node:crypto';
import { fingerprint, fingerprintOf, listed } from '../message/identity.ts';
import type { Secret } from '../setting.ts';

/** Where a call goes, for `effectOf`. `path` is the one sent, without the query. */
export const targetOf = (api: string, method: string, path: string, query: string): string =>
  listed(api, method, path, query);

/** What makes two calls of a message identical: they differ by their ordinal alone. `body` is the text or the bytes sent. */
export const effectOf = (keyScope: string, target: string, body: string | Uint8Array | undefined): string =>
  fingerprintOf(
    listed('call', keyScope) +
      target +
      listed(typeof body, body instanceof Uint8Array ? hash('sha256', body, 'base64url') : (body ?? '')),
  );

/** The key of the nth (from 0) identical call. */
export const derivedKey = (effect: string, ordinal: number): string =>
  ordinal === 0 ? effect : fingerprint('repeated', effect, String(ordinal));

/** The key for a name the author gave; query and body do not count. */
export const givenKey = (keyScope: string, api: string, method: string, path: string, given: string): string =>
  fingerprint('given', keyScope, api, method, path, given);

/** A scope nobody can name who does not have the secret: whoever knows ids and bodies could compute the keys otherwise. */
export const secretScope = (secret: Secret, keyScope: string): string =>
  createHmac('sha256', secret.reveal()).update(keyScope).digest('base64url');
