/** What happened to one message, as a marble diagram with a row for each place, and as lines below it. */
import { draw, type Mark } from '../marble-diagram.ts';
import type { WorldEvent } from './world-event.ts';

interface Note {
  readonly row: string;
  /** One character. */
  readonly symbol: string;
  readonly text: string;
}

/** Lines below the diagram, and marks in it: what came last is what matters. */
const MOST_NOTES = 120;

/** @param messageId Whose; undefined for everybody's. */
export function timelineOf(events: readonly WorldEvent[], messageId: string | undefined): string {
  const begin = events.findIndex((event) => isAbout(event, messageId) && !isOfEverybody(event));
  const noted = events
    .slice(Math.max(0, begin))
    .filter((event) => isAbout(event, messageId))
    .flatMap((event) => {
      const note = noteOf(event);
      return note === undefined ? [] : [{ ...note, at: Math.floor(event.at) }];
    })
    .slice(-MOST_NOTES);
  const start = noted[0]?.at;
  if (start === undefined) return 'nothing happened';
  const names = [...new Set(noted.map(({ row }) => row))].sort();
  const width = Math.max(...names.map((name) => name.length));
  const rows = names.map((name) =>
    noted.filter(({ row }) => row === name).map(({ at, symbol }): Mark => ({ frame: at - start, symbol })),
  );
  const diagram = draw(rows).rows.map((row, index) => `${(names[index] ?? '').padEnd(width)}  ${row}`);
  const lines = noted.map(({ at, row, symbol, text }) => `${clock(at)}  ${row.padEnd(width)}  ${symbol}  ${text}`);
  return [...diagram, '', ...lines].join('\n');
}

function isAbout(event: WorldEvent, messageId: string | undefined): boolean {
  if (messageId === undefined) return true;
  if ('messageId' in event && event.messageId === messageId) return true;
  if ('correlationId' in event) return event.correlationId === messageId;
  if (event.kind === 'recorded' || event.kind === 'fenced') return event.sagaId === messageId;
  return isOfEverybody(event);
}

/** Faults and what becomes of workers. */
const isOfEverybody = (event: WorldEvent): boolean =>
  !('messageId' in event || 'correlationId' in event || event.kind === 'recorded' || event.kind === 'fenced');

const placeOf = ({ life }: { readonly life: { readonly worker: number } }): string => `worker ${life.worker}`;

const OUTCOMES = { completed: ['c', 'completes'], failed: ['f', 'fails'], dropped: ['u', 'is given up'] } as const;
const WHAT = { result: 'result', retry: 'copy for the next try', deadLetter: 'dead letter' } as const;

/** Undefined for what is told by other events already. */
function noteOf(event: WorldEvent): Note | undefined {
  switch (event.kind) {
    case 'published':
      return { row: 'publisher', symbol: 'p', text: `${event.messageId} is published${event.isAgain ? ' again' : ''}` };
    case 'delivered':
      return { row: placeOf(event), symbol: 'd', text: `${event.messageId} is delivered (${event.delivery})` };
    case 'settled': {
      const symbol = event.how === 'ack' ? 'a' : 'q';
      return { row: placeOf(event), symbol, text: `${event.how} of delivery ${event.delivery}: ${event.result}` };
    }
    case 'settlementLost':
      return { row: placeOf(event), symbol: 'v', text: `the settlement of delivery ${event.delivery} is lost` };
    case 'handleStarted':
      return { row: placeOf(event), symbol: 'h', text: `the handle of ${event.messageId} starts` };
    case 'handleEnded': {
      const [symbol, text] = OUTCOMES[event.outcome];
      return { row: placeOf(event), symbol, text: `the handle of ${event.messageId} ${text}` };
    }
    case 'sent':
      return { row: placeOf(event), symbol: 's', text: `${WHAT[event.what]} leaves: ${event.address}` };
    case 'confirmed':
      return { row: placeOf(event), symbol: 'k', text: `${WHAT[event.what]} is confirmed` };
    case 'unconfirmed':
      return { row: placeOf(event), symbol: 'n', text: `${WHAT[event.what]} is not confirmed: ${event.why}` };
    case 'called':
      return { row: event.api, symbol: 'r', text: `request ${event.request}: ${event.operation}` };
    case 'answered':
      return {
        row: event.api,
        symbol: typeof event.how === 'number' && event.how < 400 ? 'o' : 'x',
        text: `request ${event.request}: ${event.how}`,
      };
    case 'effect':
      return { row: event.api, symbol: 'e', text: `${event.operation} happens` };
    case 'recorded': {
      const step = 'step' in event.record ? ` ${event.record.step}` : '';
      return { row: 'journal', symbol: 'j', text: `${event.record.kind}${step}` };
    }
    case 'fault':
      return { row: 'faults', symbol: 'F', text: `${event.fault}: ${event.text}` };
    case 'healed':
      return { row: 'faults', symbol: 'H', text: 'everything is healed' };
    case 'lifeBegan':
      return { row: placeOf(event), symbol: 'B', text: `life ${event.life.life} begins` };
    case 'lifeCrashed':
      return { row: placeOf(event), symbol: 'X', text: 'crashes' };
    case 'lifePaused':
      return { row: placeOf(event), symbol: 'P', text: 'is paused' };
    case 'lifeWoke':
      return { row: placeOf(event), symbol: 'W', text: 'wakes' };
    case 'fenced':
      return { row: placeOf(event), symbol: '|', text: `is refused: saga ${event.sagaId} is another's by now` };
    case 'lifeStopped':
      return { row: placeOf(event), symbol: 'S', text: 'has stopped' };
    case 'unhandled':
      return { row: 'faults', symbol: 'U', text: `unhandled: ${String(event.error)}` };
    case 'fact':
    case 'books':
      return undefined;
  }
}

/** `0:12:34.567` of virtual time. */
export function clock(atMs: number): string {
  const pad = (value: number, width = 2): string => String(Math.floor(value)).padStart(width, '0');
  return `${Math.floor(atMs / 3_600_000)}:${pad((atMs / 60_000) % 60)}:${pad((atMs / 1_000) % 60)}.${pad(atMs % 1_000, 3)}`;
}
