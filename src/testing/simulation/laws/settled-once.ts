import type { Law } from './law.ts';

export const settledOnce: Law = {
  name: 'a delivery is settled at most once',
  watch: () => ({
    see: (event) =>
      event.kind === 'settled' && event.result === 'repeated'
        ? {
            text: `a delivery of ${event.messageId} is settled a second time (${event.how})`,
            messageId: event.messageId,
          }
        : undefined,
  }),
};
