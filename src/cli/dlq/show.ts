/** `sluice dlq show`: single letters with all that is known about them, and their content. */
import pc from 'picocolors';
import { asyncScheduler } from 'rxjs';
import type { Delivery, HeaderValue } from '../../message/delivery.ts';
import { HEADER } from '../../pipeline/message-headers.ts';
import { failed, misconfigured, printJson } from '../broker-session.ts';
import { EXIT } from '../exit-code.ts';
import { age, counted, lines, oneLine } from '../print.ts';
import { bodyText } from './body-text.ts';
import { queuePair } from './copies.ts';
import { type FilterOptions, NONE_ASKED_FOR, noting, readFilter } from './filter.ts';
import { DLQ_HEADER, type Letter } from './letter.ts';
import { lookThrough } from './look-through.ts';
import { isoTime, withSession } from './session.ts';

export interface ShowOptions extends FilterOptions {
  readonly number: number;
  readonly full?: boolean;
  readonly json?: boolean;
}

/** Characters of a body that are shown without `--full`. */
const SHOWN_CHARACTERS = 2_000;

export async function show(name: string, options: ShowOptions): Promise<number> {
  const read = readFilter(options, asyncScheduler.now(), { needsOne: false });
  if (typeof read !== 'function') return misconfigured(read);
  const { filter, missing } = noting(read, options);
  const pair = queuePair(name);
  return withSession(async (session) => {
    const now = asyncScheduler.now();
    const found: object[] = [];
    let shown = 0;
    const look = await lookThrough(
      session,
      pair,
      (delivery, letter) => {
        if (filter(letter)) {
          shown++;
          if (options.json === true) found.push(toJson(delivery, letter));
          else print(delivery, letter, now, options.full === true);
        }
        return 'left';
      },
      { isEnough: () => shown >= options.number },
    );
    if (options.json === true) printJson({ queue: pair.dead, looked: look.looked, letters: found });
    if (session.stop.aborted) return EXIT.cutShort;
    if (shown >= options.number) return EXIT.ok;
    const absent = missing(pair.dead);
    if (absent !== undefined) return failed(`${absent}, ${counted(look.looked, 'letter')} looked at`);
    if (shown > 0 || options.json === true) return EXIT.ok;
    const none = look.looked === 0 ? 'no letters' : `${NONE_ASKED_FOR}, ${counted(look.looked, 'letter')} looked at`;
    console.log(`${oneLine(pair.dead)}: ${none}`);
    return EXIT.ok;
  });
}

/** Headers that the fields of a letter tell already. */
const TOLD: ReadonlySet<string> = new Set([...Object.values(HEADER), DLQ_HEADER.retries, DLQ_HEADER.look]);

function print(delivery: Delivery, letter: Letter, now: number, isFull: boolean): void {
  const { properties, headers } = delivery;
  const details = textOf(headers[HEADER.errorDetails]);
  const at = (time: number | undefined): string =>
    time === undefined ? '' : `${isoTime(time)} (${age(time, now)} ago)`;
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['error', `${letter.code}${letter.cause === undefined ? '' : ` (${letter.cause})`} in ${letter.stage}`],
    ['message', letter.message],
    ['fingerprint', letter.fingerprint],
    ['pipeline', letter.pipeline],
    ['attempts', letter.attempts?.toString()],
    ['first failed', at(letter.firstFailedAt)],
    ['last failed', at(letter.lastFailedAt)],
    ['published to', origin(letter)],
    ['correlation', letter.correlationId],
    ['retried', letter.retries === 0 ? undefined : `${counted(letter.retries, 'time')} out of the dead letters`],
    ['edited', letter.edits === 0 ? undefined : counted(letter.edits, 'time')],
    ['stripped', strippedOf(delivery)],
    ['type', [properties.contentType, properties.contentEncoding].filter(Boolean).join(', ')],
    ['details', isFull ? undefined : hintOf(details)],
  ];
  console.log(pc.bold(oneLine(letter.id)));
  for (const [label, value] of rows)
    if (value !== undefined && value !== '') console.log(`  ${pc.dim(label.padEnd(13))} ${oneLine(value)}`);
  if (isFull && details !== undefined)
    console.log(`  ${pc.dim('details')}       ${lines(details).replaceAll('\n', `\n${' '.repeat(16)}`)}`);
  for (const [header, value] of Object.entries(headers))
    if (!TOLD.has(header)) console.log(`  ${pc.dim('header')}        ${oneLine(`${header}: ${textOf(value)}`)}`);
  console.log(`${indented(shownBody(delivery, isFull))}\n`);
}

/** Of what its error told beside the message: the journal of a saga that is stuck, headers that AMQP does not carry. */
const hintOf = (details: string | undefined): string | undefined =>
  details === undefined ? undefined : `${counted(details.length, 'character')}; --full shows them`;

const origin = ({ exchange, routingKey }: Letter): string | undefined => {
  if (exchange === undefined) return undefined;
  return exchange === '' ? `queue ${routingKey}` : `exchange ${exchange}, routing key ${routingKey ?? ''}`;
};

/** Why headers of it are missing, where some are. */
const strippedOf = ({ unreadable, headers }: Delivery): string | undefined =>
  unreadable ?? textOf(headers[HEADER.stripped]);

const textOf = (value: HeaderValue | undefined): string | undefined =>
  value === undefined || typeof value === 'string' ? value : JSON.stringify(value, plainJson);

/** What JSON has no word for: as text. */
const plainJson = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint'
    ? String(value)
    : value instanceof Uint8Array
      ? Buffer.from(value).toString('base64')
      : value;

const indented = (text: string): string => text.replaceAll(/^/gm, '  ');

function shownBody(delivery: Delivery, isFull: boolean): string {
  const text = bodyText(delivery);
  if (text === undefined)
    return pc.dim(`(${delivery.body.byteLength} bytes that are no text; --json has them in base64)`);
  if (isFull || text.length <= SHOWN_CHARACTERS) return lines(text);
  const rest = text.length - SHOWN_CHARACTERS;
  return `${lines(text.slice(0, SHOWN_CHARACTERS))}${pc.dim(`… and ${counted(rest, 'character')} more; --full shows all`)}`;
}

function toJson(delivery: Delivery, { firstFailedAt, lastFailedAt, ...letter }: Letter): object {
  const text = bodyText(delivery);
  const content = text === undefined ? { bodyBase64: Buffer.from(delivery.body).toString('base64') } : { body: text };
  const headers: unknown = JSON.parse(JSON.stringify(delivery.headers, plainJson));
  const times = { firstFailed: isoTime(firstFailedAt), lastFailed: isoTime(lastFailedAt) };
  const stripped = strippedOf(delivery);
  const missing = stripped === undefined ? {} : { stripped };
  return { ...letter, ...times, properties: delivery.properties, headers, ...missing, ...content };
}
