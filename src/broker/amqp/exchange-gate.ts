/**
 * Exchanges a publish may go to. One publish to a missing exchange closes the channel under all its neighbours, so an exchange
 * not seen before on this link is looked for on a channel of its own first.
 */
import { asyncScheduler } from 'rxjs';
import { BrokerUnavailableError, type SluiceError, TopologyError } from '../../errors.ts';
import { brokerText, missingExchange, REPLY, replyCodeOf } from './failures.ts';
import type { DefectListener } from './guarded.ts';
import type { Link } from './link.ts';
import { closeChannel, openChannel } from './open-channel.ts';

/** How long a refused permission is believed before it is tried again, with the whole channel at stake. */
const REFUSAL_HOLDS_MS = 30_000;

export interface ExchangeGate {
  isOpenFor(exchange: string): boolean;
  /** Looks for the exchange; asked again meanwhile, it looks once. The listener is not called when the link goes. */
  look(exchange: string, answer: (refusal: SluiceError | undefined) => void): void;
  /** The exchange was missing when a message arrived there: look again next time. */
  forget(exchange: string): void;
  /** The broker closed the channel for want of a permission. */
  refuse(exchange: string, refusal: SluiceError): void;
}

export function createExchangeGate(link: Link, onDefect: DefectListener): ExchangeGate {
  // The default exchange always exists, and always takes everything.
  const known = new Set<string>(['']);
  const looking = new Set<string>();
  const refused = new Map<string, { readonly refusal: SluiceError; readonly atMs: number }>();

  const refusalOf = async (exchange: string): Promise<SluiceError | undefined> => {
    try {
      const channel = await openChannel(link, { onGone: () => {}, onDefect });
      await link.ask(channel.checkExchange(exchange), `for exchange "${exchange}"`);
      void closeChannel(link, channel);
      return undefined;
    } catch (error) {
      if (error instanceof BrokerUnavailableError) return error;
      if (replyCodeOf(error) === REPLY.notFound) return missingExchange(exchange, error);
      return new TopologyError(`exchange "${exchange}": ${brokerText(error)}`, { cause: error });
    }
  };

  return {
    isOpenFor: (exchange) => known.has(exchange),
    look(exchange, answer) {
      const { refusal, atMs = 0 } = refused.get(exchange) ?? {};
      const forMs = asyncScheduler.now() - atMs;
      if (refusal !== undefined && forMs < REFUSAL_HOLDS_MS) {
        answer(remembered(refusal, forMs));
        return;
      }
      if (looking.has(exchange)) return;
      looking.add(exchange);
      void refusalOf(exchange).then((found) => {
        looking.delete(exchange);
        if (!link.isOpen) return;
        if (found === undefined) known.add(exchange);
        answer(found);
      });
    },
    forget: (exchange) => void known.delete(exchange),
    refuse(exchange, refusal) {
      known.delete(exchange);
      refused.set(exchange, { refusal, atMs: asyncScheduler.now() });
    },
  };
}

/** Says that it is from memory: whoever gave the permission back meanwhile would look for another that is missing. */
const remembered = ({ message, cause }: SluiceError, forMs: number): TopologyError => {
  const ago = Math.floor(forMs / 1_000);
  const left = Math.ceil((REFUSAL_HOLDS_MS - forMs) / 1_000);
  return new TopologyError(`${message}; the broker said so ${ago} s ago, and is not asked again for ${left} s`, {
    cause,
  });
};
