/** A marble spec of what a replay did: the messages, the answers, and what came of them, as the text of a test module. */

import type { Pipeline } from '../../pipeline/pipeline.ts';
import { formatDuration } from '../../policies/duration.ts';
import type { RecordedAnswer } from '../../recording/recording.ts';
import { draw, type Mark } from '../marble-diagram.ts';
import { parseDiagram } from '../marble-parser.ts';
import { identifierOf, literalOf, quoted } from './literal.ts';
import type { Performance } from './perform.ts';
import { storiesOf, type ToldCall } from './story.ts';
import { Symbols } from './symbols.ts';
import { callParts } from './values.ts';

/** Begins every spec that was written: what begins otherwise was written by a person. */
export const SPEC_BEGINS = '/** Written by `sluice replay`';

export interface SpecSubject {
  readonly pipelines: readonly Pipeline[];
  /** The line that imports a pipeline by this name: `import orders from '../orders.ts';`. */
  readonly importOf: (pipeline: Pipeline, name: string) => string;
  /** When the recording was made. */
  readonly startedAt: string;
}

/** Two things happened so close to each other that no diagram can hold both: a group takes as many milliseconds as it is long. */
export class TooCloseError extends Error {
  override readonly name = 'TooCloseError';
  readonly code = 'ERR_TOO_CLOSE';
}

/**
 * The spec, for mocha. It passes on the pipelines that were replayed.
 * @throws TooCloseError, TooManyValuesError for what a diagram cannot hold.
 */
export function writeSpec(performance: Performance, subject: SpecSubject): string {
  const { pipelines, startedAt } = subject;
  const came = performance.events.filter((event) => event.kind === 'delivered');
  const played = pipelines.filter(({ name }) => came.some(({ pipeline }) => pipeline === name));
  const names = new Map(played.map((pipeline) => [pipeline, identifierOf(pipeline.name)]));
  const apiNames = new Map(
    played.flatMap(({ apis }) => Object.entries(apis).map(([key, { name }]) => [name, key] as const)),
  );
  const nameOf = (api: string): string => apiNames.get(api) ?? api;

  const messages = new Symbols('small');
  const calls = new Symbols('small');
  const results = new Symbols('small');
  const settlements = new Symbols('large');
  const variables = new Map<string, string>();
  const deliveries = performance.messages.map(({ frame, pipeline, message: { body, options } }) => {
    const symbol = messages.of(`message(${literalOf(body)}, ${literalOf(options)})`);
    variables.set(JSON.stringify([pipeline, options.messageId]), symbol);
    return { frame, pipeline, symbol };
  });
  /** What came of another message is known by its body. */
  const bodies = new Map(
    came.map(({ pipeline, messageId, body }) => [JSON.stringify([pipeline, messageId]), literalOf(body)]),
  );
  const toldCalls: ToldCall[] = [];
  const marks = { calls: [] as Mark[], results: [] as Mark[], settlements: [] as Mark[] };
  for (const story of storiesOf(performance.events)) toldCalls.push(...story.calls);
  toldCalls.sort((one, other) => one.call.call - other.call.call);
  for (const event of performance.events) {
    if (event.kind === 'called') {
      const text = `call(${quoted(nameOf(event.api))}, ${quoted(event.operation)}, ${literalOf(callParts(event))})`;
      marks.calls.push({ frame: event.at, symbol: calls.of(text) });
    } else if (event.kind === 'published') {
      const to = `exchange(${quoted(event.exchange)}, ${quoted(event.routingKey)})`;
      marks.results.push({ frame: event.at, symbol: results.of(`published(${to}, ${literalOf(event.body)})`) });
    } else if (event.kind === 'settled') {
      const { settlement, delayMs, code } = event;
      const key = JSON.stringify([event.pipeline, event.messageId]);
      const message = variables.get(key) ?? bodies.get(key) ?? quoted(event.messageId);
      const delay = delayMs === undefined ? [] : [quoted(formatDuration(delayMs))];
      const rest = code === undefined ? [] : [quoted(code)];
      const text = `${settlement}(${[message, ...delay, ...rest].join(', ')})`;
      marks.settlements.push({ frame: event.at, symbol: settlements.of(text) });
    }
  }

  const deliveredTo = played
    .map(({ name }) => ({ name, marks: deliveries.filter(({ pipeline }) => pipeline === name) }))
    .filter(({ marks: own }) => own.length > 0);
  const rows = diagramsOf([...deliveredTo.map((row) => row.marks), marks.calls, marks.results, marks.settlements]);
  const [calledRow = '-', publishedRow = '-', settledRow = '-'] = rows.slice(deliveredTo.length);
  const messageNames = messages.entries.map(([symbol]) => symbol);
  const lines = [
    ...messages.entries.map(([symbol, text]) => `const ${symbol} = ${text};`),
    ...deliveredTo.map(({ name, marks: own }, index) => {
      const symbols = messageNames.filter((symbol) => own.some((mark) => mark.symbol === symbol));
      const to = played.length === 1 ? '' : `, ${quoted(name)}`;
      return `deliver(        ${quoted(rows[index] ?? '-')}, { ${symbols.join(', ')} }${to});`;
    }),
    ...answers(toldCalls, nameOf),
    `expectCalls(    ${quoted(calledRow)}, ${valuesOf(calls)});`,
    `expectPublished(${quoted(publishedRow)}, ${valuesOf(results)});`,
    `expectSettled(  ${quoted(settledRow)}, ${valuesOf(settlements)});`,
  ];
  return moduleOf(performance, lines, {
    imports: played.map((pipeline) => subject.importOf(pipeline, names.get(pipeline) ?? '')),
    subject: played.length === 1 ? [...names.values()].join('') : `[${[...names.values()].join(', ')}]`,
    title: played.map(({ name }) => name).join(', '),
    apis: [...new Set(toldCalls.map(({ call }) => nameOf(call.api)))],
    startedAt,
  });
}

/** @throws TooCloseError when what is drawn does not read as it was meant. */
function diagramsOf(rows: readonly (readonly Mark[])[]): readonly string[] {
  const drawn = draw(rows).rows;
  rows.forEach((marks, index) => {
    const read = parseDiagram('spec', drawn[index] ?? '-', undefined, undefined, { marks: '' });
    const isMeant = read.every(({ frame, notification }, at) => {
      const mark = marks[at];
      return notification.kind === 'N' && frame === mark?.frame && notification.value === mark.symbol;
    });
    if (!isMeant || read.length !== marks.length) throw new TooCloseError('too much happens at once for a diagram');
  });
  return drawn;
}

/** One line for each operation: its answers, one call after the other. */
function answers(calls: readonly ToldCall[], nameOf: (api: string) => string): readonly string[] {
  const byOperation = new Map<string, ToldCall[]>();
  for (const told of calls) {
    const key = `api.${nameOf(told.call.api)}.on(${quoted(told.call.operation)}`;
    byOperation.set(key, [...(byOperation.get(key) ?? []), told]);
  }
  return [...byOperation].map(([key, told]) => {
    const symbols = new Symbols('small');
    const diagrams = told.map(({ call, end }) => {
      if (end === undefined) return quoted('-');
      const frame = end.at - call.at;
      const ended: Mark[] =
        end.kind === 'failed'
          ? [{ frame, symbol: '#' }]
          : [
              { frame, symbol: symbols.of(answerText(end)) },
              { frame, symbol: '|' },
            ];
      return quoted(draw([ended]).rows[0] ?? '-');
    });
    const failure = told
      .map(({ end }) => (end?.kind === 'failed' ? end.code : undefined))
      .find((code) => code !== undefined);
    const isAlways = diagrams.every((diagram) => diagram === diagrams[0]);
    const list = isAlways ? (diagrams[0] ?? '') : `[${diagrams.join(', ')}]`;
    const meaning = failure === undefined ? '' : `, networkError(${quoted(failure)})`;
    const values = symbols.entries.length === 0 && failure === undefined ? '' : `, ${valuesOf(symbols)}`;
    return `${key}, ${list}${values}${meaning});`;
  });
}

function answerText({ status, headers, body }: RecordedAnswer): string {
  const { 'content-type': contentType, ...others } = headers;
  const isText = typeof body === 'string' && contentType?.startsWith('text/') === true;
  const given = isText ? headers : others;
  const parts = [body, given].map((part) => (part === undefined ? 'undefined' : literalOf(part)));
  while (parts.length > 0 && ((parts.at(-1) === '{}' && parts.length === 2) || parts.at(-1) === 'undefined'))
    parts.pop();
  return status === 200 ? `ok(${parts.join(', ')})` : `status(${[String(status), ...parts].join(', ')})`;
}

/** Long ones on lines of their own. */
function valuesOf({ entries }: Symbols): string {
  const members = entries.map(([symbol, text]) => `${symbol}: ${text}`);
  const line = members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
  return line.length <= LONGEST_VALUES ? line : ['{', ...members.map((member) => `  ${member},`), '}'].join('\n');
}

const LONGEST_VALUES = 70;

interface ModuleParts {
  readonly imports: readonly string[];
  readonly subject: string;
  readonly title: string;
  readonly apis: readonly string[];
  readonly startedAt: string;
}

const KIT = ['ack', 'call', 'deadLetter', 'message', 'networkError', 'ok', 'published', 'retry', 'status'];

function moduleOf({ isAsync, events }: Performance, lines: readonly string[], parts: ModuleParts): string {
  const { imports, subject, title, apis, startedAt } = parts;
  const body = lines.join('\n');
  const maker = isAsync ? 'advancing' : 'marbles';
  const used = [...KIT.filter((name) => new RegExp(`\\b${name}\\(`).test(body)), maker].sort();
  const apiNames = apis.length === 0 ? '' : `<${apis.map(quoted).join(' | ')}>`;
  const taken = ['deliver', ...(apis.length === 0 ? [] : ['api']), 'expectCalls', 'expectPublished', 'expectSettled'];
  const lastAt = events.at(-1)?.at ?? 0;
  const draws = events.flatMap((event) => (event.kind === 'drew' ? [event.value] : []));
  const options = [
    ...(draws.length === 0 ? [] : ['random: () => drawn.shift() ?? 0.5']),
    ...(lastAt < DAY_MS ? [] : [`within: ${lastAt + DAY_MS}`]),
  ];
  const given = options.length === 0 ? '' : `{ ${options.join(', ')} }, `;
  return [
    `${SPEC_BEGINS} from a recording of ${startedAt}: what was recorded then, done by the pipelines of the day it was written. */`,
    ...(body.includes('exchange(') ? ["import { exchange } from 'sluice';"] : []),
    `import { ${used.join(', ')} } from 'sluice/testing';`,
    ...imports,
    '',
    ...(draws.length === 0 ? [] : [`/** What was drawn for pauses. */\nconst drawn = [${draws.join(', ')}];\n`]),
    `describe(${quoted(`${title}, as recorded`)}, () => {`,
    '  it(',
    `    ${quoted(`goes on as on ${startedAt}`)},`,
    `    ${maker}${apiNames}(${subject}, ${given}${isAsync ? 'async ' : ''}({ ${taken.join(', ')} }) => {`,
    ...lines.map((line) => line.replace(/^/gm, '      ')),
    '    }),',
    '  );',
    '});',
    '',
  ].join('\n');
}

const DAY_MS = 86_400_000;
