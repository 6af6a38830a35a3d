/** Options by name: a test runner checks no types, and an option that is misspelt would compare nothing. */

import type { MessageProperties } from '../../message/delivery.ts';

/** All of them, so that none can be forgotten here: `{ body: true, query: true }`. */
export type Names<Options> = Readonly<Record<keyof Options, true>>;

/** @throws TypeError for an option that does not exist, naming those that do. */
export function checkNames<Options extends object>(subject: string, given: Options, known: Names<Options>): void {
  for (const name of Object.keys(given))
    if (!Object.hasOwn(known, name))
      throw new TypeError(`${subject}: no option "${name}", only ${Object.keys(known).join(', ')}`);
}

/** Of `MessageProperties`. */
export const PROPERTIES = {
  messageId: true,
  correlationId: true,
  replyTo: true,
  contentType: true,
  contentEncoding: true,
  type: true,
  appId: true,
  userId: true,
  priority: true,
  timestamp: true,
  expiration: true,
  persistent: true,
} as const satisfies Names<MessageProperties>;
