/** `sluice publish`: JSON lines into a queue, each confirmed by the broker; says how far it came, whatever ends it. */
import { randomUUID } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { ignoreElements, lastValueFrom, type Subscription, toArray } from 'rxjs';
import { createAmqpBroker } from '../broker/amqp/create-amqp-broker.ts';
import { openDeclarer } from '../broker/amqp/open-declarer.ts';
import type { Broker } from '../broker/broker.ts';
import { messageOf } from '../errors.ts';
import type { OutgoingMessage } from '../message/outgoing.ts';
import { type BrokerAccess, failed, misconfigured, printJson, sayBlocked, withBroker } from './broker-session.ts';
import { EXIT } from './exit-code.ts';
import { Rates, rateText } from './rates.ts';

/** Publishes that may be without a confirm. */
const AT_ONCE = 500;
const TELL_EVERY_MS = 500;
const CLOSE_WITHIN_MS = 5_000;
const STOP_WITHIN_MS = 2_000;

export interface PublishOptions {
  /** First line to publish, counted from 1. */
  readonly from: number;
  /** Member of each message that is its message id. Default: an id of its own for each. */
  readonly id?: string;
  readonly json?: boolean;
}

/** `file` may be `-`, which is standard input. */
export async function publish(queue: string, file: string, options: PublishOptions): Promise<number> {
  const unreadable = file === '-' ? undefined : await faultOfFile(file);
  if (unreadable !== undefined) return misconfigured([{ subject: 'argument', path: 'file', message: unreadable }]);
  const open = async ({
    signal,
    ...access
  }: BrokerAccess): Promise<{ readonly broker: Broker; close(): Promise<void> }> => {
    // A worker waits for a broker that is away; whoever types a command wants to hear of it.
    await (await openDeclarer({ ...access, signal, connectionName: 'sluice publish' })).close();
    const broker = createAmqpBroker({ ...access, random: Math.random, connectionName: 'sluice publish' });
    const close = async (): Promise<void> => {
      await lastValueFrom(broker.close({ withinMs: CLOSE_WITHIN_MS }).pipe(toArray()));
    };
    return { broker, close };
  };
  return withBroker(open, ({ broker }, stop) => publishLines(broker, queue, file, options, stop));
}

/** Why nothing can be read of it. */
async function faultOfFile(file: string): Promise<string | undefined> {
  try {
    await access(file, constants.R_OK);
    return (await stat(file)).isDirectory() ? `${file} is a folder; expected a file of JSON lines` : undefined;
  } catch (error) {
    return `cannot be read: ${messageOf(error)}`;
  }
}

async function publishLines(
  broker: Broker,
  queue: string,
  file: string,
  { from, id, json = false }: PublishOptions,
  stop: AbortSignal,
): Promise<number> {
  const pending = new Map<number, Promise<void>>();
  const progress = showProgress(json);
  let line = 0;
  let confirmed = 0;
  /** What ended it, and the line it was about: the first to go wrong. */
  let fault: { readonly line: number; readonly reason: string } | undefined;
  const fail = (at: number, error: unknown): void => {
    if (fault === undefined || at < fault.line) fault = { line: at, reason: messageOf(error) };
  };

  // Whoever asks it to stop waits for confirms no longer than this: from a broker that is short of memory none may come for hours.
  const givenUp = new Promise<void>((resolve) => {
    stop.addEventListener('abort', () => void setTimeout(resolve, STOP_WITHIN_MS).unref(), { once: true });
  });
  const alarms = tellAlarms(broker);

  const input = file === '-' ? process.stdin : createReadStream(file);
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  stop.addEventListener('abort', () => lines.close(), { once: true });
  try {
    for await (const text of readingErrors(lines, input)) {
      if (stop.aborted || fault !== undefined) break;
      line++;
      if (line < from || text.trim() === '') continue;
      const at = line;
      let message: OutgoingMessage;
      try {
        message = messageFrom(text, queue, id);
      } catch (error) {
        fail(at, error);
        break;
      }
      const sent = lastValueFrom(broker.publish(message).pipe(ignoreElements()), { defaultValue: undefined }).then(
        () => {
          confirmed++;
          progress.tell(confirmed);
        },
        (error: unknown) => fail(at, error),
      );
      pending.set(
        at,
        sent.finally(() => pending.delete(at)),
      );
      if (pending.size >= AT_ONCE) await Promise.race([...pending.values(), givenUp]);
    }
  } catch (error) {
    // The file itself: no such file, no permission.
    fail(line + 1, error);
  } finally {
    lines.close();
  }
  // One more than there are is where whoever published all of them would go on; a line further on is a slip that would leave some out.
  if (!stop.aborted && fault === undefined && from > line + 1)
    fail(from, new Error(`is not there: the last one is line ${line}`));
  await Promise.race([Promise.all(pending.values()), givenUp]);
  alarms.unsubscribe();
  progress.end();
  const [unconfirmed] = pending.keys();
  if (unconfirmed !== undefined && fault === undefined)
    fault = { line: unconfirmed, reason: 'no confirm yet, the broker may have it or not' };

  if (json) printJson({ queue, confirmed, ...(fault === undefined ? {} : { failure: fault }), stopped: stop.aborted });
  else console.log(`${confirmed} published to ${queue} and confirmed`);
  if (fault !== undefined) {
    const where = /^queue ".*" does not exist$/.test(fault.reason)
      ? ': a worker declares it at its start, and "sluice check" names it; of partitions it is an exchange, which this command does not publish to'
      : '';
    const advice = where + (confirmed === 0 ? '' : `; when it is mended, go on with --from ${fault.line}`);
    failed(`line ${fault.line}: ${fault.reason}${advice}`);
    return unconfirmed === undefined ? EXIT.failed : EXIT.cutShort;
  }
  return stop.aborted ? EXIT.cutShort : EXIT.ok;
}

/** Who waits is told for what. */
function tellAlarms(broker: Broker): Subscription {
  let isBlocked = false;
  return broker.status.subscribe(({ state, reason }) => {
    if (state === 'blocked' && !isBlocked) sayBlocked(reason ?? 'it does not say why');
    if (state === 'connected' && isBlocked) sayBlocked(undefined);
    isBlocked = state === 'blocked';
  });
}

/** A stream that fails ends its lines in silence. */
async function* readingErrors(lines: AsyncIterable<string>, input: NodeJS.ReadableStream): AsyncIterable<string> {
  let failure: { readonly error: unknown } | undefined;
  const ended = new Promise<void>((resolve) => {
    input.once('error', (error) => {
      failure = { error };
      resolve();
    });
  });
  const iterator = lines[Symbol.asyncIterator]();
  for (;;) {
    const next = await Promise.race([iterator.next(), ended]);
    if (failure !== undefined) throw failure.error;
    if (next === undefined || next.done === true) return;
    yield next.value;
  }
}

/** @throws Error that says what is wrong with the line; never what is in it. */
function messageFrom(text: string, queue: string, idMember: string | undefined): OutgoingMessage {
  // Without the mark of its encoding, too, which a file may begin with.
  const json = text.trim();
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new Error('is no JSON: expected one value on each line, as "jq -c" writes them');
  }
  return {
    exchange: '',
    routingKey: queue,
    mandatory: true,
    body: Buffer.from(json),
    headers: {},
    properties: {
      messageId: idMember === undefined ? randomUUID() : idOf(value, idMember),
      contentType: 'application/json',
      persistent: true,
      timestamp: Math.floor(Date.now() / 1_000),
    },
  };
}

function idOf(value: unknown, member: string): string {
  const id: unknown =
    typeof value === 'object' && value !== null && Object.hasOwn(value, member)
      ? Reflect.get(value, member)
      : undefined;
  if ((typeof id !== 'string' || id === '') && typeof id !== 'number')
    throw new Error(`has no "${member}" that could be its message id: expected text or a number`);
  return String(id);
}

/** On a terminal's standard error, so that standard output stays the result. */
function showProgress(isQuiet: boolean): { tell(confirmed: number): void; end(): void } {
  if (isQuiet || !process.stderr.isTTY) return { tell: () => {}, end: () => {} };
  const rates = new Rates();
  let toldAt = 0;
  return {
    tell: (confirmed) => {
      const now = Date.now();
      if (now - toldAt < TELL_EVERY_MS) return;
      toldAt = now;
      process.stderr.write(`\r\u001b[2K${confirmed} confirmed, ${rateText(rates.of('confirmed', confirmed, now))}`);
    },
    end: () => void process.stderr.write('\r\u001b[2K'),
  };
}
