/**
 * Who may ask the management server what. Decisions about one request's head, without reading more of it.
 *
 * On loopback the Host has to be loopback too, so that a page whose name was pointed at 127.0.0.1 gets nothing (DNS rebinding). Elsewhere
 * the token stands for that: it travels in a header no foreign page can set. Any Origin but our own is refused.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { askedAs, isLoopback, isOfOtherOrigin, isOfOtherSite } from '../policies/asked-as.ts';
import type { Secret } from '../setting.ts';
import { type Route, refusal, type WholeAnswer } from './route.ts';

export interface AdmissionRules {
  /** Whether the server listens on a loopback address. */
  readonly isLoopback: boolean;
  readonly token: Secret | undefined;
}

/** What is wrong with where the request says it goes to and comes from. */
export function faultOfOrigin(
  headers: IncomingHttpHeaders,
  { isLoopback: isLocal }: AdmissionRules,
): WholeAnswer | undefined {
  const asked = askedAs(headers);
  if (asked === undefined) return refusal(400, 'expected a Host header');
  if (isLocal && !isLoopback(asked))
    return refusal(
      421,
      'this address is served as localhost or 127.0.0.1; for a proxy or another name set SLUICE_HOST to an address that is not loopback, and SLUICE_TOKEN',
    );
  if (isOfOtherOrigin(headers))
    return refusal(403, 'requests of other pages are refused; a proxy in front has to hand on Host as it came');
  return undefined;
}

/**
 * A browser fetches pictures and frames for any page, without an Origin. The page sees nothing of the answer, and yet a look at dead letters
 * holds them for a moment, and a stream takes a place. What is open may be fetched so: a link to the dashboard stands anywhere.
 */
export function faultOfSite(headers: IncomingHttpHeaders, { isOpen = false }: Route): WholeAnswer | undefined {
  return isOpen || !isOfOtherSite(headers) ? undefined : refusal(403, 'requests of other pages are refused');
}

/** Whether the request shows the token, or needs none to see what there is. */
export const isTrusted = (headers: IncomingHttpHeaders, { token }: AdmissionRules): boolean =>
  token === undefined || showsToken(headers, token);

/** What keeps this request from its route: no token, a wrong one, or none that could be right. */
export function faultOfToken(
  headers: IncomingHttpHeaders,
  route: Route,
  rules: AdmissionRules,
): WholeAnswer | undefined {
  if (route.method === 'POST' && rules.token === undefined)
    return refusal(
      403,
      'actions need a token, and this worker has none: set SLUICE_TOKEN and start it again; then send "authorization: Bearer …"',
    );
  if ((route.isOpen === true && route.method === 'GET') || isTrusted(headers, rules)) return undefined;
  return refusal(401, 'expected "authorization: Bearer …" with the token of SLUICE_TOKEN', {
    'www-authenticate': 'Bearer',
  });
}

function showsToken({ authorization = '' }: IncomingHttpHeaders, token: Secret): boolean {
  const shown = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  return shown !== undefined && timingSafeEqual(digest(shown), digest(token.reveal()));
}

/** Of equal length, whatever was shown. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
