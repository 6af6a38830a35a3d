/**
 * What is refused for the name it is asked under, or for the page it comes from, before anybody is asked who he is and before a body is read.
 * Where clients show a key or a token no page of another origin can: its browser asks first whether it may send that header, and is told nothing.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { askedAs, isLoopback, isOfOtherOrigin, isOfOtherSite } from '../policies/asked-as.ts';
import type { Refusal } from './problem.ts';

/** `names`: what the door is asked under beside loopback's names, in lower case; undefined: anything. */
export function faultOfName(headers: IncomingHttpHeaders, names: ReadonlySet<string> | undefined): Refusal | undefined {
  const name = askedAs(headers);
  if (name === undefined) return { status: 400, code: 'host', detail: 'expected a Host header' };
  if (names === undefined || isLoopback(name) || names.has(name)) return undefined;
  return {
    status: 421,
    code: 'name-unknown',
    detail: 'the front door is not asked under this name; SLUICE_DOOR_NAMES says which it has beside localhost',
  };
}

/** Of a path that anybody may send to: what a browser sends for another page. */
export const faultOfPage = (headers: IncomingHttpHeaders): Refusal | undefined =>
  isOfOtherOrigin(headers) || isOfOtherSite(headers)
    ? {
        status: 403,
        code: 'other-origin',
        detail: 'requests of pages of other origins are refused; a proxy in front has to hand on Host as it came',
      }
    : undefined;
