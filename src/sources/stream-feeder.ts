/**
 * Copies a stream into the pipeline's queue: one worker at a time, in the stream's order, each lot confirmed before the place moves on. It pauses while
 * enough copies wait, so that a long stream is read as fast as it is handled.
 */
import {
  asyncScheduler,
  auditTime,
  BehaviorSubject,
  buffer,
  concat,
  concatMap,
  connect,
  defer,
  EMPTY,
  exhaustMap,
  filter,
  finalize,
  ignoreElements,
  interval,
  merge,
  mergeMap,
  type Observable,
  of,
  repeat,
  Subject,
  switchMap,
  takeUntil,
  takeWhile,
  tap,
  timer,
} from 'rxjs';
import type { StreamOffset } from '../broker/broker.ts';
import { TopologyError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Delivery, Headers } from '../message/delivery.ts';
import type { OutgoingMessage } from '../message/outgoing.ts';
import type { Fed, Feeder, Feeding } from './source.ts';
import { StreamPlace } from './stream-place.ts';

export interface StreamFeederOptions {
  readonly title: string;
  readonly stream: string;
  /** Where to begin the very first time. */
  readonly from: StreamOffset;
  /** Copies that may wait in the pipeline's queue. */
  readonly ahead: number;
}

/** Messages in hand at once: as a prefetch, which RabbitMQ 3 goes beyond by the rest of the chunk that it has begun. */
const READ_AHEAD = 512;
/** A lot is what comes in so long after its first; none is larger than what may be in hand. */
const LOT_MS = 10;
/** What a crash copies again. */
const WRITE_EVERY_MS = 1_000;
/** Well below the time a broker lets a message be unsettled. */
const RENEW_EVERY_MS = 300_000;
const LOOK_AGAIN_MS = 500;

/** Nothing was fed, but could be. */
const ABLE: Fed = { messages: 0 };

/** Where a pipeline stands in a stream is a message of this queue. */
export const placeQueue = (queue: string): string => `${queue}.place`;

export const streamFeeder = ({ title, stream, from, ahead }: StreamFeederOptions): Feeder => ({
  title,
  keepsWithin: true,
  feed: (feeding) =>
    defer(() => {
      const { queue, publish, broker, drain } = feeding;
      const placeName = placeQueue(queue);
      const place = new StreamPlace(placeName, from, asyncScheduler.now());
      const write = defer(() => {
        const message = place.unwritten();
        return message === undefined ? EMPTY : publish(message);
      });
      const isIdle = new BehaviorSubject(true);
      const reading = defer(() => {
        isIdle.next(false);
        return read(stream, ahead, place, feeding).pipe(finalize(() => isIdle.next(true)));
      });
      // What is in hand is copied before the place is let go of.
      const isOver = drain.pipe(switchMap(() => isIdle.pipe(filter((idle) => idle))));
      const holding = broker.consume(placeName, { prefetch: 10 }).pipe(
        filter((delivery) => place.take(delivery)),
        switchMap((delivery) => reading.pipe(takeUntil(delivery.lost.pipe(tap(() => place.lost()))))),
      );
      const writing = merge(
        interval(RENEW_EVERY_MS).pipe(
          tap(() => place.renew()),
          ignoreElements(),
        ),
        interval(WRITE_EVERY_MS).pipe(exhaustMap(() => write)),
      );
      return concat(
        seeding(placeName, place, feeding).pipe(takeUntil(drain)),
        of(ABLE),
        merge(holding, writing).pipe(takeUntil(isOver)),
        // The last word, whether it moved or not: only then what is held can be done with.
        defer(() => {
          place.renew();
          return write;
        }),
        defer(() => {
          place.replaced();
          return EMPTY;
        }),
      ).pipe(finalize(() => place.letGo()));
    }),
});

/**
 * The first worker ever says so in the queue of the place. Who holds the place holds it unsettled, where no count shows it: only where nobody consumes
 * either there is none. Asked twice, because a worker that ends lets go a moment before its last word is there.
 */
function seeding(placeName: string, place: StreamPlace, { broker, publish }: Feeding): Observable<never> {
  const isMissing = broker.depthOf(placeName).pipe(filter(({ messages, consumers }) => messages + consumers === 0));
  return isMissing.pipe(
    mergeMap(() => timer(WRITE_EVERY_MS)),
    mergeMap(() => isMissing),
    mergeMap(() => publish(place.seed())),
  );
}

function read(stream: string, ahead: number, place: StreamPlace, feeding: Feeding): Observable<Fed> {
  const { broker, drain, log } = feeding;
  const failures = new Subject<never>();
  const deliveries = broker.consume(stream, {
    prefetch: READ_AHEAD,
    streamOffset: () => place.offset,
    onConsuming: (isConsuming, reason) => {
      if (isConsuming) return;
      // The broker's own words are of an argument that nobody wrote.
      const why = /invalid arg 'x-stream-offset'/.test(reason ?? '') ? `that is no stream (${reason})` : reason;
      failures.error(new TopologyError(`stream "${stream}" cannot be read: ${why}`));
    },
  });
  return merge(deliveries, failures).pipe(
    takeUntil(drain),
    connect((shared) => shared.pipe(buffer(shared.pipe(auditTime(LOT_MS))))),
    concatMap((lot) =>
      concat(
        room(ahead, feeding),
        defer(() => {
          const left = notCopiedYet(lot, place);
          warnOfGap(stream, left, place, log);
          return left.length === 0 ? EMPTY : copied(stream, left, place, feeding);
        }),
      ),
    ),
  );
}

/** Those of a channel that went are handed over again on the next. Asked when it is the lot's turn: only then everything before it is copied. */
function notCopiedYet(lot: readonly Delivery[], place: StreamPlace): readonly Delivery[] {
  const isCopied = (delivery: Delivery): boolean => offsetOf(delivery) < (place.next ?? 0);
  for (const delivery of lot) if (isCopied(delivery)) delivery.ack();
  return lot.filter((delivery) => !isCopied(delivery));
}

function warnOfGap(stream: string, [first]: readonly Delivery[], place: StreamPlace, log: Logger): void {
  if (first === undefined || place.next === undefined || offsetOf(first) === place.next) return;
  const gone = { stream, from: place.next, to: offsetOf(first) - 1 };
  log.warn(gone, 'messages of the stream were gone before they were read: it keeps too little');
}

/** Completes when few enough copies wait. */
const room = (ahead: number, { broker, queue, drain }: Feeding): Observable<never> =>
  broker.depthOf(queue).pipe(
    repeat({ delay: LOOK_AGAIN_MS }),
    takeWhile(({ messages }) => messages >= ahead),
    ignoreElements(),
    takeUntil(drain),
  );

function copied(
  stream: string,
  lot: readonly Delivery[],
  place: StreamPlace,
  { queue, publish }: Feeding,
): Observable<Fed> {
  const copies = lot.map((delivery) =>
    publish(copyOf(delivery, stream, queue)).pipe(tap({ complete: () => delivery.ack() })),
  );
  return concat(
    merge(...copies),
    defer(() => {
      place.reached(Math.max(...lot.map(offsetOf)) + 1);
      return of({ messages: lot.length });
    }),
  );
}

const offsetOf = ({ headers }: Delivery): number => Number(headers['x-stream-offset'] ?? 0);

/** What is left out would act again: other queues, a time to live, a user that is not ours. */
function copyOf(delivery: Delivery, stream: string, queue: string): OutgoingMessage {
  const { body, headers, properties } = delivery;
  const { expiration: _expiration, userId: _userId, ...carried } = properties;
  const messageId = properties.messageId ?? `${stream}-${offsetOf(delivery)}`;
  return {
    exchange: '',
    routingKey: queue,
    body,
    headers: carriedHeaders(headers),
    properties: { ...carried, messageId, persistent: true },
  };
}

const ROUTING = new Set(['CC', 'BCC']);

const carriedHeaders = (headers: Headers): Headers =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !ROUTING.has(name)));
