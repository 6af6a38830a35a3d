/** `sluice/testing`: what tests of pipelines and operators need. */

export {
  createEmbeddedBroker,
  type EmbeddedBroker,
  type EmbeddedBrokerOptions,
  type EmbeddedBrokerStats,
  type EmbeddedRestart,
} from '../broker/embedded/embedded-broker.ts';
export { type MarbleKit, marbles, type ObservableExpectation, type SubscriptionExpectation } from './marbles.ts';
