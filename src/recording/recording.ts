/**
 * A recording: what went over the edges of a worker, one event a line of JSON, each with its moment in milliseconds since the worker
 * started. Values that must not be written are replaced before they get here (redaction.ts).
 */
import { z } from 'zod';

/** Raised when a reader of the old format would misread the new one. */
export const RECORDING_VERSION = 1;

/** In place of a value that a recording does not hold and that nothing is known of. */
export const NOT_RECORDED = '[not recorded]';

export const headSchema = z.object({
  kind: z.literal('recording'),
  version: z.literal(RECORDING_VERSION),
  /** The wall clock, as ISO 8601. */
  startedAt: z.string(),
  pipelines: z.array(z.string()),
});

const at = z.number().min(0);
const ofMessage = { at, pipeline: z.string(), messageId: z.string() };
/** Counts the calls of a recording, from 1. */
const call = z.int().min(1);

const deliverySchema = z.object({
  kind: z.literal('delivered'),
  ...ofMessage,
  /** Counted from 1, as the worker counts. */
  attempt: z.int().min(1),
  properties: z.object({
    correlationId: z.string(),
    contentType: z.string().optional(),
    replyTo: z.string().optional(),
    priority: z.int().optional(),
  }),
  /** Milliseconds until the message is too late. */
  leftMs: z.number().optional(),
  /** Absent where the body cannot be read: then nothing of it is recorded. */
  body: z.unknown().optional(),
  /** Its stand-ins do not pass the pipeline's schema as the original did, or the other way round. */
  isMisfit: z.literal(true).optional(),
});

/** One attempt of a call leaves. */
const callSchema = z.object({
  kind: z.literal('called'),
  ...ofMessage,
  call,
  api: z.string(),
  /** `POST /charge`: method and path template. */
  operation: z.string(),
  /** Values of the template's places. */
  path: z.unknown().optional(),
  query: z.unknown().optional(),
  body: z.unknown().optional(),
});

const answerSchema = z.object({
  kind: z.literal('answered'),
  at,
  call,
  status: z.int(),
  headers: z.record(z.string(), z.string()),
  /** Absent where there is none, and where the answer is an error. */
  body: z.unknown().optional(),
});

/** No answer came: the connection failed. */
const failureSchema = z.object({ kind: z.literal('failed'), at, call, code: z.string() });

/** The worker did not wait for the answer. */
const givenUpSchema = z.object({ kind: z.literal('givenUp'), at, call });

/** A result, when the broker has confirmed it. */
const resultSchema = z.object({
  kind: z.literal('published'),
  at,
  exchange: z.string(),
  routingKey: z.string(),
  messageId: z.string(),
  correlationId: z.string(),
  body: z.unknown().optional(),
});

const settlementSchema = z.object({
  kind: z.literal('settled'),
  ...ofMessage,
  settlement: z.enum(['ack', 'retry', 'deadLetter', 'returned']),
  delayMs: z.number().optional(),
  code: z.string().optional(),
});

/** A number the worker drew, for a pause; for the message that something happened to last, in the same moment. */
const drawSchema = z.object({
  kind: z.literal('drew'),
  at,
  pipeline: z.string().optional(),
  messageId: z.string().optional(),
  value: z.number().min(0).max(1),
});

/** `full`: the recording reached its bound, and the worker went on without it. */
const endSchema = z.object({ kind: z.literal('ended'), at, reason: z.enum(['stopped', 'full']) });

export const eventSchema = z.discriminatedUnion('kind', [
  deliverySchema,
  callSchema,
  answerSchema,
  failureSchema,
  givenUpSchema,
  resultSchema,
  settlementSchema,
  drawSchema,
  endSchema,
]);

export type RecordingHead = z.output<typeof headSchema>;
export type RecordedDelivery = z.output<typeof deliverySchema>;
export type RecordedCall = z.output<typeof callSchema>;
export type RecordedAnswer = z.output<typeof answerSchema>;
export type RecordedFailure = z.output<typeof failureSchema>;
export type RecordedResult = z.output<typeof resultSchema>;
export type RecordedSettlement = z.output<typeof settlementSchema>;
export type RecordedEvent = z.output<typeof eventSchema>;

export interface Recording {
  readonly head: RecordingHead;
  readonly events: readonly RecordedEvent[];
}
