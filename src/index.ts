/** The public surface: every name an author may import from `sluice`. */

export type { Destination, DestinationOptions } from './broker/exchange.ts';
export { exchange } from './broker/exchange.ts';
export { type PartitionedOptions, partitioned } from './broker/partitioned.ts';
export type { Binding, QueueOptions, QueueSource } from './broker/queue.ts';

// ---- where messages come from and go to
export { queue } from './broker/queue.ts';
export type { ExchangeType, TopologyMode } from './broker/topology.ts';
// ---- settings
export { env } from './config.ts';
export type { PayloadFault, Problem } from './errors.ts';
// ---- errors
export {
  BatchMismatchError,
  BatchRejectedError,
  BranchTimeoutError,
  BrokerUnavailableError,
  BulkheadRejectedError,
  CallTimeoutError,
  CircuitOpenError,
  CompensationDelayedError,
  CompensationFailedError,
  ConfigError,
  DeadlineExceededError,
  DefinitionError,
  DeliveryLimitError,
  GatherFailedError,
  HandleTimeoutError,
  HttpStatusError,
  isTransient,
  JournalCorruptError,
  JournalFencedError,
  JournalHeldError,
  JournalUnavailableError,
  MessageConflictError,
  NetworkError,
  NoValueError,
  OutboxUnavailableError,
  PayloadInvalidError,
  PermanentError,
  PublishNackedError,
  PublishUnknownError,
  RateLimitRejectedError,
  ReplyLostError,
  RequestInvalidError,
  ResponseInvalidError,
  ResponseTooLargeError,
  ResultInvalidError,
  RetryExhaustedError,
  SagaAbandonedError,
  SagaConflictError,
  SagaCutOffError,
  SagaForwardFailedError,
  SagaIdError,
  SagaInDoubtError,
  SagaStuckError,
  SagaUndoneError,
  SagaVersionError,
  ServiceFailedError,
  SluiceError,
  ThrottledError,
  TimeoutExceededError,
  TopologyError,
  TransientError,
  UnroutableError,
} from './errors.ts';
export type { Addresses } from './http/addresses.ts';
export type { Api, CallOptions, HttpMethod, ParameterValue, WithResponse } from './http/api.ts';
export type { AdaptiveConcurrency, ApiCacheOptions, RateLimitOptions, RetryOptions } from './http/api-options.ts';
export type { Auth } from './http/auth.ts';
export { apiKey, basic, bearer } from './http/auth.ts';
export type { ApiDefinitions, Apis, CallTarget, CallTargets } from './http/call-target.ts';
export type { Call } from './http/cold-call.ts';
export type { ApiDefinition, ApiOptions } from './http/define-api.ts';
// ---- APIs
export { defineApi } from './http/define-api.ts';
// ---- services over the broker
export {
  defineService,
  type ServiceDefinition,
  type ServiceOperation,
  type ServiceOperations,
  type ServiceOptions,
} from './http/define-service.ts';
export { type OAuth2Options, oauth2 } from './http/oauth2.ts';
export type { AnswerOf, AskOptions, Service } from './http/service.ts';
export type { TlsOptions } from './http/tls.ts';
export type { ClientAuth } from './ingress/client-auth.ts';
// ---- the front door
export { type ClientKey, type ClientKeysOptions, clientKeys } from './ingress/client-keys.ts';
export type { HttpAnswer, IngressOptions, IngressRateLimit } from './ingress/ingress.ts';
export { type JwtOptions, jwt } from './ingress/json-web-tokens.ts';
export type { Logger } from './log.ts';
export { type Codec, type CodecOptions, codec } from './message/body-codec.ts';
export type { CloudEvent } from './message/cloud-events.ts';
export type { Headers, HeaderTable, HeaderValue, MessageProperties } from './message/delivery.ts';
export { type Versioned, type VersionsOptions, versions } from './message/versions.ts';
// ---- fan-out and sagas
export { gather } from './operators/gather.ts';
export { gatherQuorum } from './operators/gather-quorum.ts';
export { gatherSettled } from './operators/gather-settled.ts';
export { optional } from './operators/optional.ts';
export type { Context } from './pipeline/context.ts';
// ---- pipelines
export { definePipeline } from './pipeline/define-pipeline.ts';
export type { EventOptions, ReadOptions, WriteOptions } from './pipeline/message-format.ts';
export type { Pipeline } from './pipeline/pipeline.ts';
export type {
  DedupeOptions,
  Destinations,
  Order,
  PipelineOptions,
  PublishedExchange,
} from './pipeline/pipeline-options.ts';
export type { Duration } from './policies/duration.ts';
export type { Saga, SagaHandle, SagaOptions } from './saga/saga.ts';
export { saga } from './saga/saga.ts';
export type { SagaContext, SagaFailure, SagaScope } from './saga/saga-plan.ts';
export type { Setting } from './setting.ts';
export { Secret } from './setting.ts';
export { every } from './sources/every.ts';
export { Firing } from './sources/firing.ts';
export type { FiringOptions } from './sources/firing-source.ts';
export { type OutboxOptions, outbox } from './sources/outbox.ts';
export { type ScheduleOptions, schedule } from './sources/schedule.ts';
export type { FedSource, Source, TypedSource } from './sources/source.ts';
export { type StreamOptions, stream } from './sources/stream.ts';
