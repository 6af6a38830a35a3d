/**
 * Every error sluice raises, one class for each thing a caller may do differently about it. They lie in `errors/`, by what they are about.
 * Each carries a stable `code`, its facts as fields, and whether its cause is worth another attempt:
 * that is decided there and in the place where the error arises, nowhere else.
 */

export { PermanentError, TransientError } from './errors/author.ts';
export {
  BrokerUnavailableError,
  PublishNackedError,
  PublishUnknownError,
  ReplyLostError,
  TopologyError,
  UnroutableError,
} from './errors/broker.ts';
export {
  CallTimeoutError,
  HttpStatusError,
  NetworkError,
  RequestInvalidError,
  ResponseInvalidError,
  ResponseTooLargeError,
  ServiceFailedError,
} from './errors/call.ts';
export { ConfigError, DefinitionError, describeProblem, type Problem } from './errors/definition.ts';
export { firstOf } from './errors/first-of.ts';
export {
  JournalCorruptError,
  JournalFencedError,
  JournalHeldError,
  JournalUnavailableError,
} from './errors/journal.ts';
export {
  DeliveryLimitError,
  HandleTimeoutError,
  MessageConflictError,
  type PayloadFault,
  PayloadInvalidError,
  ResultInvalidError,
} from './errors/message.ts';
export {
  BatchMismatchError,
  BatchRejectedError,
  BranchTimeoutError,
  BulkheadRejectedError,
  CircuitOpenError,
  DeadlineExceededError,
  GatherFailedError,
  NoValueError,
  RateLimitRejectedError,
  RetryExhaustedError,
  ThrottledError,
  TimeoutExceededError,
} from './errors/operator.ts';
export { isRefusal, isRejection } from './errors/refusal.ts';
export {
  CompensationDelayedError,
  CompensationFailedError,
  SagaAbandonedError,
  SagaConflictError,
  SagaCutOffError,
  type SagaErrorFacts,
  SagaForwardFailedError,
  SagaIdError,
  SagaInDoubtError,
  SagaStuckError,
  SagaUndoneError,
  SagaVersionError,
} from './errors/saga.ts';
export {
  causeOf,
  codeOf,
  detailsOf,
  isTransient,
  messageOf,
  placeOf,
  SluiceError,
  systemCodeOf,
} from './errors/sluice-error.ts';
export { OutboxUnavailableError } from './errors/source.ts';
