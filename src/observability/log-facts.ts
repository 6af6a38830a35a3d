/** Facts as log lines: what went wrong at warn and error, what went well at debug, so that logging does not set the speed. */
import type { Subscription } from 'rxjs';
import type { Fact, Facts, Settled } from '../events.ts';
import type { Logger } from '../log.ts';

/** Writes a line for each fact a person may ask about, until unsubscribed. */
export const logFacts = (facts: Facts, log: Logger): Subscription => facts.stream.subscribe((fact) => logFact(fact, log));

function logFact(fact: Fact, log: Logger): void {
  const { type, at: _at, ...fields } = fact;
  switch (fact.type) {
    case 'settled':
      return logSettled(fact, fields, log);
    case 'settlementDelayed':
      return log.warn(fields, 'settlement delayed: what has to be published first was not confirmed');
    case 'callRetried':
      return log.debug(fields, 'call failed, another attempt follows');
    case 'connectionChanged':
      // The broker adapter has said it already, and knows not to repeat itself through a long outage.
      return log.debug(fields, `broker connection ${fact.state}`);
    case 'intakeChanged':
      return fact.state === 'consuming' ? log.info(fields, 'consuming') : log.warn(fields, `intake ${fact.state}`);
    case 'workerMoved':
      return log.info(fields, `worker ${fact.state}`);
    case 'delivered':
    case 'slotTaken':
    case 'callStarted':
    case 'callEnded':
    case 'published':
      return log.trace(fields, type);
  }
}

function logSettled({ settlement }: Settled, fields: object, log: Logger): void {
  switch (settlement) {
    case 'ack':
      return log.debug(fields, 'done');
    case 'retry':
      return log.warn(fields, 'failed, will be tried again');
    case 'deadLetter':
      return log.error(fields, 'dead-lettered');
    case 'returned':
      return log.warn(fields, 'given back to the broker');
  }
}
