/** Log lines for people: from pino's JSON to time, level, whose it is, what happened, and the rest as `name=value`. */
import type pc from 'picocolors';

type Colours = Pick<ReturnType<typeof pc.createColors>, 'dim' | 'cyan' | 'green' | 'yellow' | 'red' | 'bold'>;

/** Columns before everything else; the rest follows in the order it came. */
const LEADING = new Set(['level', 'time', 'msg', 'pipeline', 'messageId']);
/** What a person does not read off a screen. */
const LEFT_OUT = new Set(['correlationId', 'traceId', 'callId']);

const LEVELS: Readonly<Record<number, readonly [string, (colours: Colours) => (text: string) => string]>> = {
  10: ['TRACE', ({ dim }) => dim],
  20: ['DEBUG', ({ dim }) => dim],
  30: ['INFO ', ({ green }) => green],
  40: ['WARN ', ({ yellow }) => yellow],
  50: ['ERROR', ({ red }) => red],
  60: ['FATAL', ({ red }) => red],
};

/** A line of text for a line of JSON; what is no JSON object stays as it is. Ends like its line. */
export function prettyLine(json: string, colours: Colours): string {
  const record = recordOf(json);
  if (record === undefined) return json;
  const { dim, cyan, bold } = colours;
  const [level, colourOf] = LEVELS[Number(record.level)] ?? ['     ', () => dim];
  const about = [record.pipeline, record.messageId].filter((name) => name !== undefined).map(plain);
  const rest = Object.entries(record)
    .filter(([name, value]) => !LEADING.has(name) && !LEFT_OUT.has(name) && value !== undefined)
    .map(
      ([name, value]) =>
        `${dim(`${plain(name)}=`)}${name === 'error' || name === 'err' ? errorText(value) : plain(rounded(name, value))}`,
    );
  const columns = [
    dim(timeOf(record.time)),
    colourOf(colours)(level),
    ...(about.length === 0 ? [] : [cyan(about.join(' '))]),
    bold(plain(record.msg ?? '')),
    ...rest,
  ];
  return `${columns.join(' ')}\n`;
}

function recordOf(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}

/** Of the day, in the place where the terminal is. */
function timeOf(time: unknown): string {
  const at = new Date(typeof time === 'string' || typeof time === 'number' ? time : Number.NaN);
  if (Number.isNaN(at.getTime())) return '--:--:--.---';
  const part = (value: number, digits: number): string => String(value).padStart(digits, '0');
  return `${part(at.getHours(), 2)}:${part(at.getMinutes(), 2)}:${part(at.getSeconds(), 2)}.${part(at.getMilliseconds(), 3)}`;
}

/** Name, message and causes; a stack only where it is one of no error of ours. */
function errorText(error: unknown): string {
  if (typeof error !== 'object' || error === null) return plain(error);
  const { code, name, message, cause, stack } = error as Readonly<Record<string, unknown>>;
  if (typeof stack === 'string')
    return `\n${stack
      .split('\n')
      .map((line) => `    ${plain(line.trim())}`)
      .join('\n')}`;
  const own = `${plain(code ?? name ?? 'Error')}: ${plain(message ?? '')}`;
  return cause === undefined ? own : `${own} ← ${errorText(cause)}`;
}

/** What moves a cursor, colours a screen or turns the direction of writing: a message's data must not reach the terminal as commands. */
const UNPRINTABLE = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu;

/** Tenths of a millisecond are all that can be read. */
const rounded = (name: string, value: unknown): unknown =>
  typeof value === 'number' && name.endsWith('Ms') ? Math.round(value * 10) / 10 : value;

function plain(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
