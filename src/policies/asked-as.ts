/**
 * What the head of a request says of where it goes to and comes from. Whoever serves decides what of it is refused, and says so.
 *
 * A page whose own name was pointed at this machine (DNS rebinding) asks under that name, and to its browser is no other page: so on loopback
 * the name has to be loopback's. What is asked for any other page has its Origin. A browser fetches pictures and frames without one, and
 * marks them as of another site.
 */
import type { IncomingHttpHeaders } from 'node:http';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i;

/** Whether nobody on another machine reaches it. */
export const isLoopback = (host: string): boolean => LOOPBACK.test(host);

/** The name a request is for, without a port; undefined where its Host says none. */
export const askedAs = ({ host }: IncomingHttpHeaders): string | undefined => nameIn(`http://${host ?? ''}`)?.hostname;

/** Whether a page asks that was not served under the name it asks for. */
export function isOfOtherOrigin({ host = '', origin }: IncomingHttpHeaders): boolean {
  if (origin === undefined) return false;
  const from = nameIn(origin);
  // Under its own scheme, whose port may be said or not: a proxy says `Host: name:443`.
  return from === undefined || from.host !== nameIn(`${from.protocol}//${host}`)?.host;
}

/** Whether a browser says that it is for a page of another origin. `none` is the address bar. */
export function isOfOtherSite({ 'sec-fetch-site': site }: IncomingHttpHeaders): boolean {
  return site !== undefined && site !== 'same-origin' && site !== 'none';
}

const nameIn = (url: string): URL | undefined => (URL.canParse(url) ? new URL(url) : undefined);
