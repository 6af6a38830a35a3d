import { exchangesOfResults } from '../exchanges-of-results.ts';
import { addressOf } from '../message-names.ts';
import type { Law } from './law.ts';

/** Every message ends, and every confirmed result is where it was sent. */
export const nothingLost: Law = {
  name: 'nothing is lost',
  watch: ({ pipelines }) => {
    const observed = new Set(exchangesOfResults(pipelines).map(({ name }) => name));
    const confirmed = new Map<string, string>();
    return {
      see: (event) => {
        if (event.kind === 'confirmed' && event.what === 'result')
          confirmed.set(event.address, event.correlationId ?? event.messageId);
        return undefined;
      },
      end: ({ messages, results }) => {
        const lost = messages.find(({ published, done, deadLettered }) => done + deadLettered < published);
        if (lost !== undefined) {
          const { messageId, pipeline, published, done, deadLettered } = lost;
          const text = `${pipeline}: ${messageId} was published ${published} times, and ended ${done} times done and ${deadLettered} times dead-lettered`;
          return { text, messageId };
        }
        const there = new Set(
          results.map(({ messageId = '', exchange, routingKey }) => addressOf(messageId, exchange, routingKey)),
        );
        for (const [address, messageId] of confirmed) {
          const exchange = address.slice(address.indexOf('@') + 1).split('/', 1)[0] ?? '';
          if (observed.has(exchange) && !there.has(address))
            return { text: `the result ${address} was confirmed and is not there`, messageId };
        }
        return undefined;
      },
    };
  },
};
