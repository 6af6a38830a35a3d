/** `sluice/testing`: what tests of pipelines and operators need. */

export {
  createEmbeddedBroker,
  type EmbeddedBroker,
  type EmbeddedBrokerOptions,
  type EmbeddedBrokerStats,
  type EmbeddedRestart,
} from '../broker/embedded/embedded-broker.ts';
export { type AdvancingKit, advancing } from './advancing.ts';
export { type MarbleKit, marbles, type ObservableExpectation, type SubscriptionExpectation } from './marbles.ts';
// ---- values of whole-pipeline tests
export {
  type Answer,
  type ConnectionFailure,
  httpError,
  networkError,
  ok,
  serviceError,
  status,
} from './pipelines/answers.ts';
export { type CallParts, call, type ExpectedCall } from './pipelines/calls.ts';
export type { DeadLetter } from './pipelines/dead-letters.ts';
export type { VirtualPipelineKit } from './pipelines/in-virtual-time.ts';
export { type Message, type MessageOptions, message } from './pipelines/messages.ts';
export type { BrokerControls, PipelineKit, WorkerControls } from './pipelines/pipeline-kit.ts';
export { type ExpectedResult, type PublishedParts, published } from './pipelines/published.ts';
export type { ApiRequest } from './pipelines/request.ts';
export type { Answered, ApiScript } from './pipelines/scripted-api.ts';
export { ack, deadLetter, type ExpectedSettlement, retry, returned } from './pipelines/settlements.ts';
export type { PipelineOf, PipelineTestOptions } from './pipelines/test-options.ts';
// ---- simulation
export type {
  Breach as SimulationBreach,
  Law as SimulationLaw,
  Watch as SimulationWatch,
} from './simulation/laws/law.ts';
export type {
  Answerer,
  ApiTraits,
  MessageMaker,
  MessageSeed,
  SimulatedApiOptions,
  SimulationOptions,
} from './simulation/options.ts';
export type { FaultKind, Plan as SimulationPlan } from './simulation/plan.ts';
export { type SimulationReport, simulate } from './simulation/simulate.ts';
export type { Effect, EndedMessage, EndedSaga, OutcomeMessage, SimulationEnd } from './simulation/simulation-end.ts';
export { SimulationError, type SimulationFailure } from './simulation/simulation-error.ts';
export type { Totals as SimulationTotals } from './simulation/tally.ts';
export type { WorldEvent } from './simulation/world-event.ts';
