/** How the broker of a configuration is connected to, beside its URL. */
import type { AmqpBrokerOptions } from '../broker/amqp/options.ts';
import type { Config } from '../config.ts';

export type BrokerSecurity = Pick<AmqpBrokerOptions, 'auth' | 'tls'>;

export const brokerSecurity = ({ amqpAuth, amqpTls }: Pick<Config, 'amqpAuth' | 'amqpTls'>): BrokerSecurity => ({
  auth: amqpAuth,
  ...(amqpTls === undefined ? {} : { tls: amqpTls }),
});
