/** What a test expects to come of its message: the calls it makes, what is published, and how it is settled. */
import type { Published, Settled } from '../../events.ts';
import { openBody } from '../redact.ts';
import type { Draft, Row } from './draft.ts';
import { members, statement } from './layout.ts';
import { literal, quoted } from './literal.ts';
import { diagramOf, type Mark, SYMBOLS } from './marble-row.ts';
import type { Story } from './story.ts';

export const expectations = (story: Story, settled: Settled, draft: Draft): readonly Row[] => [
  ...calls(story, draft),
  ...results(story, draft),
  ...settlement(story, settled, draft),
];

function calls(story: Story, draft: Draft): readonly Row[] {
  const kinds = new Map<string, string>();
  const marks: Mark[] = [];
  for (const { started, startAt, ended } of story.times.attempts) {
    if (ended.code === 'ERR_REQUEST_INVALID') continue;
    const key = story.keyOfApi(started.api) ?? started.api;
    const value = `call(${quoted(key)}, ${quoted(started.operation)})`;
    const symbol = kinds.get(value) ?? SYMBOLS[kinds.size] ?? 'z';
    kinds.set(value, symbol);
    marks.push({ at: startAt, symbol });
  }
  if (marks.length === 0) return [{ kit: ['expectCalls'], line: "expectCalls('-');" }];
  const diagram = kinds.size > SYMBOLS.length ? undefined : diagramOf(marks);
  if (diagram === undefined) {
    draft.note('The calls come too close after one another to be drawn: they are not compared.');
    return [];
  }
  draft.use('call');
  const values = members([...kinds].map(([value, symbol]) => `${symbol}: ${value}`));
  return [{ kit: ['expectCalls'], line: statement('expectCalls', [quoted(diagram), values]) }];
}

function results({ journey, times }: Story, draft: Draft): readonly Row[] {
  const published = journey.facts.filter((fact): fact is Published => fact.type === 'published');
  if (published.length !== journey.results.length) {
    draft.note('Not all results are kept: they are not compared.');
    return [];
  }
  if (published.length === 0) return [{ kit: ['expectPublished'], line: "expectPublished('-');" }];
  draft.use('published');
  draft.use('exchange');
  const values = journey.results.map(({ exchange, routingKey, body }, index) => {
    const opened = openBody(body, 'application/json');
    const shown = literal(draft.masked(opened.kind === 'value' ? opened : { kind: 'value', value: body }), 6);
    return `${SYMBOLS[index] ?? 'z'}: published(exchange(${quoted(exchange)}, ${quoted(routingKey)}), ${shown})`;
  });
  const diagram =
    diagramOf(journey.results.map((_, index) => ({ at: times.endAt, symbol: SYMBOLS[index] ?? 'z' }))) ?? '-';
  return [{ kit: ['expectPublished'], line: statement('expectPublished', [quoted(diagram), members(values)]) }];
}

function settlement(
  { times: { endAt } }: Story,
  { settlement: end, code, delayMs }: Settled,
  draft: Draft,
): readonly Row[] {
  const name = draft.use(end === 'ack' || end === 'retry' ? end : 'deadLetter');
  const more = [
    ...(name === 'retry' ? [String(delayMs ?? 0)] : []),
    ...(name === 'ack' || code === undefined ? [] : [quoted(code)]),
  ];
  const diagram = diagramOf([{ at: endAt, symbol: 'S' }]) ?? 'S';
  const line = `expectSettled(${quoted(diagram)}, { S: ${name}(${['received', ...more].join(', ')}) });`;
  if (name !== 'retry') return [{ kit: ['expectSettled'], line }];
  // The next try is another story: the worker stops in the moment it would begin.
  const stop = diagramOf([{ at: endAt + (delayMs ?? 0), symbol: 'x' }]) ?? 'x';
  return [
    {
      kit: ['at', 'worker', 'expectSettled'],
      line: `at(${quoted(stop)}, { x: () => worker.stop() });\n      ${line}`,
    },
  ];
}
