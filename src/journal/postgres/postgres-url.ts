/** Where a PostgreSQL database is, as it may be printed. */

/** `db.example:5432/shop`: without user and password. */
export function placeOf(text: string): string {
  const { host, pathname } = new URL(text);
  return `${host}${pathname}`;
}
