import { setFlagsFromString } from 'node:v8';

/** Asks V8 whether an object's members have places of their own, rather than being entries of a dictionary. */
export function hasFastProperties(): (value: unknown) => boolean {
  setFlagsFromString('--allow-natives-syntax');
  try {
    return new Function('value', 'return %HasFastProperties(value)') as (value: unknown) => boolean;
  } finally {
    setFlagsFromString('--no-allow-natives-syntax');
  }
}
