/** Where a PostgreSQL database is, as it may be printed, and what its URL may lack. */
import { messageOf } from '../../errors.ts';

/** `db.example:5432/shop`: without user and password. */
export function placeOf(text: string): string {
  const { host, pathname } = new URL(text);
  return `${host}${pathname}`;
}

export const NO_PASSWORD =
  'the server asks for a password, and the URL has none: postgres://user:password@host:5432/database';

/** In pg's words, which has no code for it. */
export const lacksPassword = (cause: unknown): boolean => /client password must be a/.test(messageOf(cause));
