/**
 * What zod makes of a part of a schema when it is first asked for, and keeps. While it does so it has it that there is nothing, and a parse that is ended then, which
 * is no error that it could catch, leaves it at that: of a discriminated union no value is read any more. So it is asked for where nobody ends it.
 */
import type { OfZod } from './schema-patterns.ts';

const KEPT = ['optin', 'optout', 'values', 'propValues'] as const;

export function makeAhead(parts: Iterable<OfZod>): void {
  for (const { _zod } of parts)
    for (const name of KEPT)
      try {
        Reflect.get(_zod, name);
      } catch {
        // It throws again where it is needed.
      }
}
