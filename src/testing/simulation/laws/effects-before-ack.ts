import type { Accounts } from '../accounts.ts';
import type { Law } from './law.ts';

/** Results, the copy for the next try and the dead letter are confirmed before the original is acked. */
export const effectsBeforeAck = (accounts: Accounts): Law => ({
  name: 'a message is acked after its effects are confirmed',
  watch: () => ({
    see: (event) => {
      if (event.kind !== 'settled' || event.how !== 'ack' || event.result === 'repeated') return undefined;
      if (accounts.reasonOf(event) !== 'nothing') return undefined;
      const { messageId, pipeline } = event;
      const text = `${pipeline} acks ${messageId}, and neither are the results of a completed handle confirmed nor a copy of it`;
      return { text, messageId };
    },
  }),
});
