/**
 * The paths by which faults are placed and the journal is read from outside: `/_faults`, `/_journal`, `/_health`.
 * For this machine alone: whoever asks from another address is refused, save for the health.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { FaultInvalidError, type Faults, type PlacedFault } from './fault.ts';
import type { Answer } from './operation.ts';
import type { RequestJournal } from './request-journal.ts';
import { readBody, sendJson } from './respond.ts';

interface Controlled {
  readonly name: string;
  readonly faults: Faults;
  readonly journal: RequestJournal;
}

export const isControl = (path: string): boolean => path.startsWith('/_');

export async function answerControl(
  { name, faults, journal }: Controlled,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<void> {
  const answer = (status: number, body: unknown) => sendJson(response, { status, body });

  if (path === '/_health') return answer(200, { api: name, status: 'ok' });
  if (!isLoopback(request.socket.remoteAddress))
    return answer(403, { error: 'faults and journal are for this machine alone' });

  switch (`${request.method} ${path}`) {
    case 'GET /_faults':
      return answer(200, faults.placed.map(shown));
    case 'POST /_faults':
      return sendJson(response, place(faults, await readBody(request)));
    case 'DELETE /_faults':
      faults.clear();
      return answer(200, []);
    case 'GET /_journal':
      return answer(200, { counts: journal.counts(), entries: journal.entries });
    case 'DELETE /_journal':
      journal.clear();
      return answer(200, { counts: journal.counts(), entries: [] });
    default:
      return answer(404, {
        error: `no ${request.method} ${path}: GET, POST, DELETE /_faults; GET, DELETE /_journal; GET /_health`,
      });
  }
}

function place(faults: Faults, text: string): Answer {
  try {
    return { status: 201, body: shown(faults.place(JSON.parse(text))) };
  } catch (cause) {
    if (cause instanceof FaultInvalidError) return { status: 400, body: { error: cause.message } };
    if (cause instanceof SyntaxError)
      return { status: 400, body: { error: 'a fault is a JSON object: {"kind":"status","status":503,"times":1}' } };
    throw cause;
  }
}

const shown = ({ fault, hits }: PlacedFault) => ({ ...fault, hits });

/** Whether a request came from this machine. */
export const isLoopback = (address = ''): boolean => /^(::ffff:)?127\./.test(address) || address === '::1';
