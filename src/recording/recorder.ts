/**
 * Records a worker at its edges: stands between it and its broker, and between its API clients and what carries their requests, and writes
 * down what passes. It changes nothing on its way. Settlements are taken from the facts, which carry no values.
 */
import { asyncScheduler, defer, type Observable, tap } from 'rxjs';
import type { z } from 'zod';
import type { Broker } from '../broker/broker.ts';
import { workQueues } from '../broker/partitions.ts';
import { deadLetterQueue, delayOf, type QueueSource } from '../broker/queue.ts';
import type { Facts, MessageIdentity, Settled } from '../events.ts';
import type { CallSent, Transport, TransportRequest, TransportResponse } from '../http/transport.ts';
import { decodeBody } from '../message/codec.ts';
import type { Delivery } from '../message/delivery.ts';
import { correlationIdOf, messageIdOf } from '../message/identity.ts';
import type { OutgoingMessage } from '../message/outgoing.ts';
import type { Random } from '../policies/random.ts';
import { failureCodeOf } from './failure-code.ts';
import type { RecordedDelivery, RecordedEvent } from './recording.ts';
import type { KeptBack, ValueRules } from './redaction.ts';
import { takes } from './schema-parts.ts';
import { UnderWay } from './under-way.ts';

/** What a recorder knows of a pipeline. */
export interface RecordedPipeline {
  readonly name: string;
  readonly source: QueueSource;
  readonly input: z.ZodType;
}

export interface RecorderOptions {
  readonly pipelines: readonly RecordedPipeline[];
  readonly facts: Facts;
  /** What of a value may be written. */
  readonly rules: ValueRules;
  /** Which try a delivery is, as the engine counts. */
  readonly attemptOf: (delivery: Delivery, source: QueueSource) => number;
  /** Milliseconds until a message is too late. Undefined: it never is. */
  readonly leftMsOf: (delivery: Delivery, now: number) => number | undefined;
  readonly write: (event: RecordedEvent) => void;
  /** Whether it takes no more events: the recording has ended before the worker. Default: it takes them all. */
  readonly isOver?: (() => boolean) | undefined;
}

/** Between a worker and the world. */
export interface Recorder {
  readonly throughPort: (port: Broker) => Broker;
  readonly throughTransport: (transport: Transport) => Transport;
  /** Draws from the same source: a replay draws the same numbers for the same message. */
  readonly throughRandom: (random: Random) => Random;
}

/** A result, and what was kept back of the messages that may have caused it: its conversation may be named by a secret of theirs. */
interface WrittenResult {
  readonly body: unknown;
  readonly keptBack: KeptBack;
}

/** Headers of an answer that a client acts by. */
const KEPT_HEADERS = /^(content-type|retry-after|cache-control|x-sluice-error-code|(x-)?ratelimit.*)$/;

/** The latest, of which another pipeline's delivery is compared with what was written. */
const RESULTS_HELD = 1_000;

/** Begins at once: moments count from now on the clock of RxJS. Holds what was kept back of messages that are not settled, and results. */
export function createRecorder(options: RecorderOptions): Recorder {
  const { pipelines, facts, rules, attemptOf, leftMsOf, write, isOver = () => false } = options;
  const startedAt = asyncScheduler.now();
  const at = (): number => Math.round(asyncScheduler.now() - startedAt);
  const byQueue = new Map(
    pipelines.flatMap((pipeline) => workQueues(pipeline.source).map((queue) => [queue, pipeline] as const)),
  );
  /** Requests and results are made of a message, and of the answers it got. */
  const underWay = new UnderWay();
  /** By message id: another of the pipelines may take it. */
  const results = new Map<string, WrittenResult>();
  let calls = 0;
  /** Whom something happened to last: what is drawn next in the same moment is drawn for it. */
  let latest: { readonly pipeline: string; readonly messageId: string } | undefined;

  /** Whatever is looked at is held on to, by these and by the rules: of a recording that has ended nothing more is. */
  const goesOn = (): boolean => {
    if (!isOver()) return true;
    underWay.clear();
    results.clear();
    return false;
  };

  const deliver = (delivery: Delivery): void => {
    const pipeline = byQueue.get(delivery.queue);
    if (pipeline === undefined || !goesOn()) return;
    const { name, source, input } = pipeline;
    const messageId = messageIdOf(delivery);
    const correlationId = correlationIdOf(delivery, messageId);
    const askedBy = delivery.properties.correlationId || correlationId;
    const kept = underWay.keptBackOf({ pipeline: name, messageId, correlationId }, askedBy);
    const result = results.get(messageId);
    for (const [text, standIn] of result?.keptBack ?? []) kept.set(text, standIn);
    const decoded = decodeBody(delivery.body, delivery.properties, { maxBytes: Number.POSITIVE_INFINITY });
    const body = decoded.ok ? rules.described(input, decoded.value, kept, result?.body) : undefined;
    const isMisfit = decoded.ok && takes(input, decoded.value) !== takes(input, body);
    const leftMs = leftMsOf(delivery, asyncScheduler.now());
    latest = { pipeline: name, messageId: rules.text(messageId, kept) };
    write({
      kind: 'delivered',
      at: at(),
      ...latest,
      attempt: attemptOf(delivery, source),
      properties: propertiesOf(delivery, (text) => rules.text(text, kept)),
      ...(leftMs === undefined ? {} : { leftMs }),
      ...(decoded.ok ? { body } : {}),
      ...(isMisfit ? { isMisfit } : {}),
    });
  };

  const settle = ({ pipeline, messageId, correlationId, settlement, delayMs, code }: Settled): void => {
    if (!goesOn()) return;
    const kept = underWay.keptBackOf({ pipeline, messageId, correlationId });
    underWay.settled({ pipeline, messageId });
    write({
      kind: 'settled',
      at: at(),
      pipeline,
      messageId: rules.text(messageId, kept),
      settlement,
      ...(delayMs === undefined ? {} : { delayMs }),
      ...(code === undefined ? {} : { code }),
    });
  };

  /** Whoever takes it may call something in it a secret that was none where it was made. */
  const resultOf = (message: OutgoingMessage, value: unknown, kept: KeptBack): unknown =>
    pipelines
      .filter(({ source, input }) => isFedBy(source, message) || takes(input, value))
      .reduce((derived, { input }) => rules.withoutSecrets(input, value, derived), rules.derived(value, kept));

  /** When it leaves: what is kept back of it once somebody has taken it was not kept back before. Gives back what to do when it is confirmed. */
  const publish = (message: OutgoingMessage): (() => void) => {
    const { exchange, routingKey, body, properties } = message;
    const { messageId = '', correlationId = '' } = properties;
    // Whose result it is, the port is not told: it is one of this conversation.
    const kept: KeptBack = new Map(underWay.keptBackIn(correlationId).flatMap((keptBack) => [...keptBack]));
    const decoded = decodeBody(body, properties, { maxBytes: Number.POSITIVE_INFINITY });
    const written = decoded.ok ? resultOf(message, plain(decoded.value), kept) : null;
    results.delete(messageId);
    results.set(messageId, { body: written, keptBack: kept });
    const [oldest] = results.keys();
    if (results.size > RESULTS_HELD && oldest !== undefined) results.delete(oldest);
    const event = {
      kind: 'published',
      exchange,
      routingKey: rules.text(routingKey, kept),
      messageId,
      correlationId: rules.text(correlationId, kept),
      body: written,
    } as const;
    return () => write({ ...event, at: at() });
  };

  const call = ({ owner, request: { call: sent, options } }: CallSent, request: TransportRequest): number => {
    const number = ++calls;
    const kept = underWay.keptBackOf(owner);
    const body = bodyOf(request.body, request.headers['content-type']);
    const part = (name: string, value: unknown): object =>
      value === undefined ? {} : { [name]: rules.derived(plain(value), kept) };
    write({
      kind: 'called',
      at: at(),
      call: number,
      ...nameOf(owner),
      api: sent.api,
      operation: rules.text(sent.operation, kept),
      ...part('path', options.path),
      ...part('query', options.params),
      ...part('body', body),
    });
    return number;
  };

  const nameOf = (owner: MessageIdentity) => ({
    pipeline: owner.pipeline,
    messageId: rules.text(owner.messageId, underWay.keptBackOf(owner)),
  });

  const answer = (number: number, { owner, request }: CallSent, response: TransportResponse): void => {
    const { status, isAccepted = status >= 200 && status < 300 } = response;
    const headers = headersKept(response);
    const body = isAccepted ? bodyOf(response.body, headers['content-type']) : undefined;
    write({
      kind: 'answered',
      at: at(),
      call: number,
      status,
      headers,
      ...(body === undefined
        ? {}
        : { body: rules.described(request.options.response, plain(body), underWay.keptBackOf(owner)) }),
    });
  };

  facts.listen({ settled: settle });

  return {
    throughPort: (port) => ({
      address: port.address,
      status: port.status,
      establish: (topology, mode) => port.establish(topology, mode),
      consume: (queue, options) => port.consume(queue, options).pipe(tap(deliver)),
      depthOf: (queue) => port.depthOf(queue),
      publish: (message) =>
        defer(() => {
          const published = port.publish(message);
          if (pipelines.some(({ source }) => isCopyFor(source, message)) || !goesOn()) return published;
          return published.pipe(tap({ complete: publish(message) }));
        }),
      close: (options) => port.close(options),
    }),
    throughRandom: (random) => () => {
      const value = random();
      write({ kind: 'drew', at: at(), ...latest, value });
      return value;
    },
    throughTransport: (transport) => {
      const recorded = (request: TransportRequest): Observable<TransportResponse> => {
        const { sentFor } = request;
        if (sentFor === undefined) return transport(request);
        return defer(() => {
          if (!goesOn()) return transport(request);
          const number = call(sentFor, request);
          let hasEnded = false;
          return transport(request).pipe(
            tap({
              next: (response) => {
                hasEnded = true;
                if (!goesOn()) return;
                latest = nameOf(sentFor.owner);
                answer(number, sentFor, response);
              },
              error: (error: unknown) => {
                hasEnded = true;
                if (!goesOn()) return;
                latest = nameOf(sentFor.owner);
                write({ kind: 'failed', at: at(), call: number, code: failureCodeOf(error) });
              },
              unsubscribe: () => {
                if (hasEnded || !goesOn()) return;
                latest = nameOf(sentFor.owner);
                write({ kind: 'givenUp', at: at(), call: number });
              },
            }),
          );
        });
      };
      return Object.assign(recorded, transport.close === undefined ? {} : { close: transport.close });
    },
  };
}

const isCopyFor = (source: QueueSource, { exchange, routingKey }: OutgoingMessage): boolean =>
  (exchange === '' && routingKey === deadLetterQueue(source.name)) ||
  delayOf({ exchange, routingKey }, source) !== undefined;

const isFedBy = (source: QueueSource, { exchange, routingKey }: OutgoingMessage): boolean =>
  exchange === ''
    ? workQueues(source).includes(routingKey)
    : source.bindings.some((binding) => binding.exchange === exchange);

/** What the engine looks at. Headers of a message are described by no schema, and left out. */
function propertiesOf(delivery: Delivery, clean: (text: string) => string): RecordedDelivery['properties'] {
  const { contentType, replyTo, priority } = delivery.properties;
  const correlationId = clean(correlationIdOf(delivery, messageIdOf(delivery)));
  return {
    correlationId,
    ...(contentType === undefined ? {} : { contentType }),
    ...(replyTo === undefined ? {} : { replyTo: clean(replyTo) }),
    ...(priority === undefined ? {} : { priority }),
  };
}

function bodyOf(body: Uint8Array | undefined, contentType: string | undefined): unknown {
  if (body === undefined || body.byteLength === 0) return undefined;
  const properties = contentType === undefined ? {} : { contentType };
  const decoded = decodeBody(body, properties, { maxBytes: Number.POSITIVE_INFINITY });
  return decoded.ok ? decoded.value : null;
}

/** Bytes tell nothing to whoever reads a recording. */
const plain = (value: unknown): unknown => (value instanceof Uint8Array ? null : value);

function headersKept({ headers }: TransportResponse): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (KEPT_HEADERS.test(name) && value !== undefined) kept[name] = [value].flat().join(', ');
  return kept;
}
