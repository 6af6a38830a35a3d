/** The journal as one message has it: facts about what is written for it name it. */
import type { MessageIdentity } from '../events.ts';
import type { Journal } from './journal.ts';

export const messageJournal = (journal: Journal, message: MessageIdentity): Journal => ({
  get availability() {
    return journal.availability;
  },
  open: (key) => journal.open(key, message),
});
