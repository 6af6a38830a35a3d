import { messageOf } from '../../../errors.ts';
import type { Law } from './law.ts';

export const noUnhandledError: Law = {
  name: 'no error is left unhandled',
  watch: () => ({
    see: (event) => (event.kind === 'unhandled' ? messageOf(event.error) : undefined),
  }),
};
