/**
 * `sluice dlq edit`: the body of one letter through an editor. The letter is not held meanwhile, for brokers take back what is held for half
 * an hour; it is looked for again afterwards, and replaced only where it is still the one that was edited.
 */
import { hash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asyncScheduler, firstValueFrom, timer } from 'rxjs';
import type { HeldDelivery } from '../../broker/dead-letters.ts';
import type { Delivery, HeaderValue } from '../../message/delivery.ts';
import { readJson } from '../../message/json.ts';
import type { OutgoingMessage } from '../../message/outgoing.ts';
import { failed, misconfigured, printJson } from '../broker-session.ts';
import { EXIT } from '../exit-code.ts';
import { counted, oneLine } from '../print.ts';
import { isTerminal } from './ask.ts';
import { bodyText } from './body-text.ts';
import { type QueuePair, queuePair, renewed } from './copies.ts';
import { namedEditor, openEditor } from './editor.ts';
import { wrong } from './filter.ts';
import { asList, DLQ_HEADER, type Letter } from './letter.ts';
import { lookThrough } from './look-through.ts';
import { type Session, withSession } from './session.ts';

export interface EditOptions {
  readonly id: string;
  readonly json?: boolean;
}

const LOOKS = 5;
const LOOK_AGAIN_MS = 300;

export async function edit(name: string, { id, json = false }: EditOptions): Promise<number> {
  if (namedEditor() === undefined && !isTerminal())
    return misconfigured([wrong('', 'which editor? set VISUAL or EDITOR: there is no terminal to open vi on')]);
  const pair = queuePair(name);
  return withSession(async (session) => {
    const before = await find(session, pair, id);
    if (session.stop.aborted) return EXIT.cutShort;
    if (before === undefined) return failed(`no letter ${id} in ${pair.dead}`);
    const text = bodyText(before);
    if (text === undefined) return failed(`the body of letter ${id} is no text, but ${kindOf(before)}`);

    const folder = await mkdtemp(join(tmpdir(), 'sluice-dlq-'));
    const file = join(folder, isJson(before) ? 'letter.json' : 'letter.txt');
    await writeFile(file, text, { mode: 0o600 });
    const problem = await openEditor(file);
    const edited = problem === undefined ? await readFile(file, 'utf8') : text;
    if (problem !== undefined || edited === text) {
      await rm(folder, { recursive: true });
      if (problem !== undefined) return failed(`${problem}; the letter is as it was`);
      if (json) printJson({ queue: pair.dead, id, isChanged: false });
      else console.log(`${oneLine(id)}: not changed`);
      return EXIT.ok;
    }
    const kept = `your text is in ${file}`;
    if (session.stop.aborted) {
      failed(`stopped as asked; the letter is as it was, ${kept}`);
      return EXIT.cutShort;
    }
    const fault = isJson(before) ? jsonFault(edited) : undefined;
    if (fault !== undefined) return failed(`${fault}; the letter is as it was, ${kept}`);
    if (!(await replaceSoon(session, pair, before, Buffer.from(edited))))
      return failed(`letter ${id} is not in ${pair.dead} any more as it was; nothing was changed, ${kept}`);
    await rm(folder, { recursive: true });
    if (json) printJson({ queue: pair.dead, id, isChanged: true });
    else
      console.log(
        `${oneLine(id)}: changed; sluice dlq retry ${oneLine(pair.work)} --id ${oneLine(id)} sends it on its way`,
      );
    return EXIT.ok;
  });
}

/** What a body is that is no text. */
function kindOf({ body, properties: { contentType = 'no content type', contentEncoding = '' } }: Delivery): string {
  const coding = contentEncoding === '' ? '' : ` (${contentEncoding})`;
  return `${counted(body.byteLength, 'byte')} of ${contentType}${coding}`;
}

const isJson = ({ properties: { contentType = 'application/json' } }: Delivery): boolean =>
  /\bjson\b/i.test(contentType);

function jsonFault(text: string): string | undefined {
  const reading = readJson(Buffer.from(text));
  return reading.ok ? undefined : reading.refusal.message;
}

async function find(session: Session, pair: QueuePair, id: string): Promise<HeldDelivery | undefined> {
  let found: HeldDelivery | undefined;
  const look = (delivery: HeldDelivery, letter: Letter): 'left' => {
    if (letter.id === id) found = delivery;
    return 'left';
  };
  await lookThrough(session, pair, look, { isEnough: () => found !== undefined });
  return found;
}

/** A letter that was looked at a moment ago may still be on its way back into its queue. */
async function replaceSoon(session: Session, pair: QueuePair, before: Delivery, body: Buffer): Promise<boolean> {
  for (let look = 1; look < LOOKS; look++) {
    if (await replace(session, pair, before, body)) return true;
    await firstValueFrom(timer(LOOK_AGAIN_MS));
  }
  return replace(session, pair, before, body);
}

/** False where the letter is not there any more with the body it had. The new one is confirmed before the old one is acked. */
async function replace(session: Session, pair: QueuePair, before: Delivery, body: Buffer): Promise<boolean> {
  const id = before.properties.messageId;
  let isReplaced = false;
  const swap = async (delivery: HeldDelivery, letter: Letter): Promise<'taken' | 'left'> => {
    if (delivery.properties.messageId !== id || !Buffer.from(before.body).equals(delivery.body)) return 'left';
    await session.office.publish(withBody(delivery, letter, pair, body));
    delivery.ack();
    isReplaced = true;
    return 'taken';
  };
  await lookThrough(session, pair, swap, { isEnough: () => isReplaced });
  return isReplaced;
}

/** Edits that are remembered, and how large a body may be to be remembered whole: headers have to fit a frame of 128 KiB. */
const MAX_EDITS = 5;
const MAX_REMEMBERED_BYTES = 8 * 2 ** 10;

/** The letter with another body, plain where it was compressed, and with what it was before among its headers. */
function withBody(delivery: Delivery, letter: Letter, pair: QueuePair, body: Buffer): OutgoingMessage {
  const copy = renewed(delivery, letter, pair);
  const { contentEncoding: _contentEncoding, ...properties } = copy.properties;
  const text = bodyText(delivery) ?? '';
  const edit: HeaderValue = {
    at: new Date(asyncScheduler.now()),
    sha256: hash('sha256', text, 'hex'),
    bytes: Buffer.byteLength(text),
    ...(Buffer.byteLength(text) <= MAX_REMEMBERED_BYTES ? { body: text } : {}),
  };
  const edits = [...asList(delivery.headers[DLQ_HEADER.edits]), edit].slice(-MAX_EDITS);
  return { ...copy, body, properties, headers: { ...copy.headers, [DLQ_HEADER.edits]: edits } };
}
