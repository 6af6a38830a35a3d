/** A broker for feeders that take from elsewhere: it gives nothing. */
import { NEVER } from 'rxjs';
import type { Feeding } from '../../src/sources/source.ts';

export const NO_BROKER: Feeding['broker'] = { consume: () => NEVER, depthOf: () => NEVER };
