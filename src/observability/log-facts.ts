/** Facts as log lines: what went wrong at warn and error, what went well at debug, so that logging does not set the speed. */
import type { Subscription } from 'rxjs';
import type { Fact, Facts, Settled } from '../events.ts';
import type { Logger } from '../log.ts';

/** Writes a line for each fact a person may ask about, until unsubscribed. */
export const logFacts = (facts: Facts, log: Logger): Subscription =>
  facts.stream.subscribe((fact) => logFact(fact, log));

function logFact(fact: Fact, log: Logger): void {
  const { type, at: _at, ...fields } = fact;
  switch (fact.type) {
    case 'settled':
      logSettled(fact, fields, log);
      break;
    case 'settlementDelayed':
      log.warn(fields, 'settlement delayed: what has to be published first was not confirmed');
      break;
    case 'deliveryOverdue':
      log.error(fields, 'unsettled for too long: given back, before the broker takes back all that is out with it');
      break;
    case 'callRetried':
      log.debug(fields, 'call failed, another attempt follows');
      break;
    case 'connectionChanged':
      // The broker adapter has said it already, and knows not to repeat itself through a long outage.
      log.debug(fields, `broker connection ${fact.state}`);
      break;
    case 'intakeChanged':
      if (fact.state === 'consuming') log.info(fields, 'consuming');
      else log.warn(fields, `intake ${fact.state}`);
      break;
    case 'fed':
      log.debug(fields, 'fed');
      break;
    case 'feedingDelayed':
      log.warn(fields, 'the source cannot feed its queue, it will try again');
      break;
    case 'breakerChanged':
      if (fact.state === 'open' || fact.state === 'isolated') log.warn(fields, `circuit of ${fact.api} ${fact.state}`);
      else log.info(fields, `circuit of ${fact.api} ${fact.state}`);
      break;
    case 'rateLimitSharingChanged':
      if (fact.state === 'local')
        log.warn(fields, `rate limit of ${fact.api}: its store is away, this worker keeps to its own share`);
      else log.info(fields, `rate limit of ${fact.api} is shared again`);
      break;
    case 'sagaMoved':
      if (fact.move === 'stuck') log.error(fields, `saga ${fact.saga} ${fact.sagaId} is stuck`);
      else log.trace(fields, type);
      break;
    case 'journalChanged':
      if (fact.state === 'unavailable') log.error(fields, 'the journal is away: messages that need it wait');
      else log.info(fields, 'the journal is back');
      break;
    case 'limitChanged':
      log.debug(fields, 'concurrency changed');
      break;
    case 'journalCompacted':
    case 'journalCounted':
    case 'rateLimitWaited':
      log.trace(fields, type);
      break;
    case 'eventLoopBlocked':
      log.warn(
        fields,
        'the event loop was blocked: heartbeats, timers and acks had to wait; look for long synchronous work',
      );
      break;
    case 'workerMoved':
      log.info(fields, `worker ${fact.state}`);
      break;
    case 'delivered':
    case 'slotTaken':
    case 'callStarted':
    case 'callEnded':
    case 'cacheHit':
    case 'published':
      log.trace(fields, type);
      break;
  }
}

function logSettled({ settlement }: Settled, fields: object, log: Logger): void {
  switch (settlement) {
    case 'ack':
      log.debug(fields, 'done');
      break;
    case 'retry':
      log.warn(fields, 'failed, will be tried again');
      break;
    case 'deadLetter':
      log.error(fields, 'dead-lettered');
      break;
    case 'returned':
      log.warn(fields, 'given back to the broker');
      break;
  }
}
