/** An overview as a table in a terminal: trouble in colour, numbers to the right. */
import pc from 'picocolors';
import { rateText } from '../rates.ts';
import type { Overview } from './overview.ts';

export function tableOf({ state, isConnected, pipelines, apis, queues }: Overview, place: string): string {
  return [
    `${pc.bold(place)}  ${state === 'running' ? pc.green(state) : pc.yellow(state)}  ${brokerText(isConnected)}`,
    '',
    ...columns(
      ['PIPELINE', 'TAKES', 'DONE', 'IN FLIGHT', 'RETRIED', 'DEAD', 'DEAD IN ALL', 'P99'],
      pipelines.map((row) => [
        row.pipeline,
        row.isConsuming ? 'yes' : pc.yellow('no'),
        rateText(row.doneRate),
        String(row.inFlight),
        loud(rateText(row.retriedRate), row.retriedRate),
        loud(rateText(row.deadRate), row.deadRate),
        row.dead === 0 ? '0' : pc.red(String(row.dead)),
        timeText(row.p99Ms),
      ]),
    ),
    ...(apis.length === 0
      ? []
      : [
          '',
          ...columns(
            ['API', 'CIRCUIT', 'ATTEMPTS', 'IN FLIGHT', 'FAILED', 'P99'],
            apis.map((row) => [
              row.api,
              row.breaker === 'closed' ? row.breaker : pc.red(row.breaker),
              rateText(row.rate),
              String(row.inFlight),
              loud(rateText(row.failedRate), row.failedRate),
              timeText(row.p99Ms),
            ]),
          ),
        ]),
    ...(queues.length === 0
      ? []
      : [
          '',
          ...columns(
            ['QUEUE', 'MESSAGES', 'CONSUMERS'],
            queues.map(({ queue, messages, consumers }) => [queue, String(messages), String(consumers)]),
          ),
        ]),
    '',
  ].join('\n');
}

function brokerText(isConnected: Overview['isConnected']): string {
  if (isConnected === undefined) return pc.yellow('no worker process runs yet');
  return isConnected ? pc.green('connected') : pc.red('broker away or blocked: /readyz says why');
}

const loud = (text: string, rate: number | undefined): string =>
  rate === undefined || rate === 0 ? text : pc.red(text);

function timeText(ms: number | undefined): string {
  if (ms === undefined) return '–';
  if (ms === Number.POSITIVE_INFINITY) return '> 60 s';
  return ms < 1_000 ? `≤ ${ms} ms` : `≤ ${ms / 1_000} s`;
}

/** What moves a cursor is no text of a table: names come over the network. */
const clean = (text: string): string => text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, '?');

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours, which take no room
const COLOUR = /\u001b\[\d+m/g;

function columns(heads: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const named = rows.map(([name = '', ...rest]) => [clean(name), ...rest]);
  const room = (text: string): number => text.replace(COLOUR, '').length;
  const widths = heads.map((head, index) => Math.max(head.length, ...named.map((row) => room(row[index] ?? ''))));
  const padded = (row: readonly string[]): string =>
    row
      .map((text, index) => {
        const space = ' '.repeat(Math.max(0, (widths[index] ?? 0) - room(text)));
        return index === 0 ? text + space : space + text;
      })
      .join('  ');
  return [pc.dim(padded(heads)), ...named.map(padded)];
}
