import type { Accounts } from '../accounts.ts';
import type { Law } from './law.ts';

/** A message ends once for each time it was published, and once more at most for each copy whose confirm or whose original's ack was lost. */
export const twiceOnlyWherePossible = (accounts: Accounts): Law => ({
  name: 'a message ends twice only where a confirm or an ack was lost',
  watch: () => ({
    see: (event) => {
      if (event.kind !== 'confirmed' || event.pipeline === undefined) return undefined;
      if (!accounts.hasCopies(event, event.pipeline)) return undefined;
      const { pipeline, messageId, address } = event;
      return { text: `${pipeline}: a delivery of ${messageId} has a second copy, ${address}`, messageId };
    },
    end: ({ messages }) => {
      for (const { pipeline, messageId, published, done, deadLettered } of messages) {
        const { spare } = accounts.of(pipeline, messageId);
        if (done + deadLettered <= published + spare) continue;
        const text = `${pipeline}: ${messageId} was published ${published} times, and ended ${done} times done and ${deadLettered} times dead-lettered; the faults explain ${spare} more`;
        return { text, messageId };
      }
      return undefined;
    },
  }),
});
