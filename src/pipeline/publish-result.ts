/** A result on its way to its exchange: confirmed, tried again where that may help, its exchange declared where that is allowed. */
import { concat, NEVER, type Observable, of, ReplaySubject, type Subscription, share, throwError, timer } from 'rxjs';
import type { Broker } from '../broker/broker.ts';
import { codeOf, isTransient, TopologyError, UnroutableError } from '../errors.ts';
import type { OutgoingMessage } from '../message/outgoing.ts';
import { LeanSubscriber, type Listener } from '../operators/lean-subscriber.ts';
import { Retries, type RetryWithBackoffOptions } from '../operators/retry-with-backoff.ts';
import { exponentialBackoff } from '../policies/backoff.ts';
import { inContext, type Span } from '../tracing.ts';
import { clockNow } from './context.ts';
import type { Engine } from './engine.ts';
import type { Journey } from './journey.ts';
import type { Pipeline } from './pipeline.ts';

/** Attempts to publish a result before its message counts as failed. */
const RESULT_ATTEMPTS = 5;

/** A full queue or a lost channel passes; a missing queue passes too, but not within seconds. */
const isWorthAnotherPublish = (error: unknown): boolean => isTransient(error) && !(error instanceof UnroutableError);

/** Who waits for a result to be published. Told once, of one of the two; of none where it is given up before. */
export interface PublishListener {
  /** The broker has it. */
  confirmed(): void;
  failed(error: unknown): void;
}

/** Publishes a result at once. Whatever that holds is in `work`, which must not be closed: its end gives the publish up. */
export type PublishResult = (
  result: OutgoingMessage,
  journey: Journey,
  work: Subscription,
  listener: PublishListener,
) => void;

/**
 * How a pipeline publishes its results. An exchange that is missing is declared once, as a topic exchange unless `publishes` says otherwise, where the
 * worker may declare: `publishes` need not name every one.
 */
export function publishWith(pipeline: Pipeline, engine: Engine): PublishResult {
  const { broker, facts, random } = engine;
  const backoff = exponentialBackoff({ initialMs: 200, maxMs: 5_000, jitter: 'full' }, random);
  const mayDeclare = (pipeline.source.topology ?? engine.topology) === 'assert';
  const declarations = new Map<string, Observable<never>>();

  /** One declaration for all results that are refused before it is done; a broker that refuses that too is not asked again. */
  const declared = (exchange: string): Observable<never> => {
    const known = declarations.get(exchange);
    if (known !== undefined) return known;
    const type = pipeline.exchangeTypes.get(exchange) ?? 'topic';
    const topology = { exchanges: [{ name: exchange, type }], queues: [], bindings: [] };
    const declaration = broker.establish(topology, 'assert').pipe(
      share({
        connector: () => new ReplaySubject<never>(1),
        resetOnComplete: false,
        resetOnError: (error) => (isTransient(error) ? of(undefined) : NEVER),
      }),
    );
    declarations.set(exchange, declaration);
    return declaration;
  };

  const declareAndPublish = (result: OutgoingMessage, error: unknown): Observable<never> =>
    error instanceof TopologyError && error.missingExchange !== undefined && mayDeclare
      ? concat(declared(result.exchange), broker.publish(result))
      : throwError(() => error);

  const report = (
    { exchange, routingKey, headers, body }: OutgoingMessage,
    { identity }: Journey,
    sentAt: number,
  ): void => {
    const { messageId, correlationId, traceId, messageAttempt, deliveryTag } = identity;
    if (facts.isHeard.published) {
      const at = clockNow();
      facts.report({
        type: 'published',
        at,
        pipeline: pipeline.name,
        messageId,
        correlationId,
        traceId,
        messageAttempt,
        deliveryTag,
        exchange,
        routingKey,
        confirmedMs: at - sentAt,
      });
    }
    if (facts.contents.isWanted(identity))
      facts.contents.report({
        type: 'result',
        pipeline: pipeline.name,
        messageId,
        correlationId,
        traceId,
        messageAttempt,
        deliveryTag,
        exchange,
        routingKey,
        headers,
        body,
      });
  };

  const rules = { maxAttempts: RESULT_ATTEMPTS, backoff, isTransient: isWorthAnotherPublish };
  const parts = { broker, declareAndPublish, rules, report };
  return (result, journey, work, listener) =>
    new PublishAttempt(parts, result, journey, work, listener, undefined).begin();
}

/** What all publishes of a pipeline share. */
interface PublishParts {
  readonly broker: Broker;
  /** For a publish that was refused. */
  readonly declareAndPublish: (result: OutgoingMessage, error: unknown) => Observable<never>;
  readonly rules: RetryWithBackoffOptions;
  readonly report: (result: OutgoingMessage, journey: Journey, sentAt: number) => void;
}

/** One attempt to publish a result. Natively, because every result pays for it; a failure is followed by the next attempt, or is the end. */
class PublishAttempt implements Listener<never> {
  readonly #subscriber: LeanSubscriber<never>;
  readonly #parts: PublishParts;
  readonly #result: OutgoingMessage;
  readonly #journey: Journey;
  readonly #work: Subscription;
  readonly #listener: PublishListener;
  readonly #retries: Retries | undefined;
  readonly #sentAt = clockNow();
  #traced: OutgoingMessage;
  #span: Span | undefined;

  /** `retries`: undefined for the first attempt. */
  constructor(
    parts: PublishParts,
    result: OutgoingMessage,
    journey: Journey,
    work: Subscription,
    listener: PublishListener,
    retries: Retries | undefined,
  ) {
    this.#parts = parts;
    this.#result = result;
    this.#traced = result;
    this.#journey = journey;
    this.#work = work;
    this.#listener = listener;
    this.#retries = retries;
    this.#subscriber = new LeanSubscriber(this, work);
  }

  begin(): void {
    try {
      const span = startSpan(this.#result, this.#journey, this.#sentAt);
      if (span !== undefined) {
        this.#span = span;
        this.#traced = traced(this.#result, span);
        this.#subscriber.add(() => span.end({ at: clockNow(), outcome: 'abandoned' }));
      }
      this.#parts.broker.publish(this.#traced).subscribe(this.#subscriber);
    } catch (error) {
      this.#subscriber.error(error);
    }
  }

  onNext(): void {}

  onComplete(): void {
    this.#confirmed();
  }

  onError(error: unknown): void {
    const declaring = this.#parts.declareAndPublish(this.#traced, error);
    this.#subscriber.add(
      declaring.subscribe({ complete: () => this.#confirmed(), error: (failure: unknown) => this.#failed(failure) }),
    );
  }

  unsubscribe(): void {
    this.#subscriber.close();
  }

  #confirmed(): void {
    this.#span?.end({ at: clockNow(), outcome: 'confirmed' });
    this.#parts.report(this.#traced, this.#journey, this.#sentAt);
    this.unsubscribe();
    this.#listener.confirmed();
  }

  #failed(error: unknown): void {
    this.#span?.end({ at: clockNow(), outcome: 'failed', code: codeOf(error) });
    const work = this.#work;
    const listener = this.#listener;
    const retries = this.#retries ?? new Retries(this.#parts.rules);
    let delayMs: number;
    try {
      this.unsubscribe();
      delayMs = retries.pauseAfter(error);
    } catch (failure) {
      listener.failed(failure);
      return;
    }
    const again = (): void =>
      new PublishAttempt(this.#parts, this.#result, this.#journey, work, listener, retries).begin();
    work.add(timer(delayMs).subscribe(again));
  }
}

function startSpan({ exchange, routingKey, properties, body }: OutgoingMessage, { span }: Journey, at: number) {
  const { messageId } = properties;
  return span?.startPublish({ exchange, routingKey, messageId, bytes: body.byteLength, at });
}

function traced({ exchange, routingKey, mandatory = true, body, headers, properties }: OutgoingMessage, span: Span) {
  return { exchange, routingKey, mandatory, body, headers: inContext(headers, span), properties };
}
