/**
 * A message's story as a marble test: the message, what each API answered and when, and what is expected to come of it. The text runs with
 * `sluice/testing` as it is, where values may be shown; where they are masked it says what to fill in. Pure.
 */
import type { AnswerContent, CallEnded, Published, Settled } from '../events.ts';
import { type IdealAttempt, type IdealTimes, idealTimes, RANDOM } from './ideal-times.ts';
import type { Journey } from './journeys.ts';
import { literal, quoted } from './literal.ts';
import { diagramOf, type Mark, SYMBOLS } from './marble-row.ts';
import { mask, type Opened, openBody, type PayloadsShown } from './redact.ts';
import type { ApiShape, MarbleTest, PipelineShape } from './wire.ts';

export interface MarbleTestParts {
  readonly journey: Journey;
  readonly shape: PipelineShape;
  readonly payloads: PayloadsShown;
}

export function marbleTestOf({ journey, shape, payloads }: MarbleTestParts): MarbleTest {
  const why = obstacleOf(journey, shape);
  if (why !== undefined) return { isPossible: false, why };
  return new Writing(journey, shape, payloads).test();
}

/** Turned away by what other messages did: one message alone cannot show it. */
const TURNED_AWAY = /^ERR_(CIRCUIT_OPEN|THROTTLED|RATE_LIMIT_REJECTED|BULKHEAD_REJECTED|RESPONSE_TOO_LARGE)$/;

function obstacleOf({ settled, isPartial, facts, message }: Journey, shape: PipelineShape): string | undefined {
  if (settled === undefined) return 'The message is still on its way.';
  if (settled.settlement === 'returned' || settled.late)
    return 'The message went back to the broker, which delivers it again: there is no end to test.';
  if (settled.stage === 'slot' || settled.stage === 'publish')
    return `It ended at the stage ${settled.stage}, for a reason that lies outside of the message.`;
  if (isPartial || message === undefined) return 'More belongs to it than is kept.';
  for (const fact of facts) {
    if (fact.type === 'cacheHit') return `${fact.api} was answered from its cache, which a test begins without.`;
    if (fact.type === 'settlementDelayed') return 'The broker did not take what had to be published first.';
    if (fact.type !== 'callEnded') continue;
    if (fact.code !== undefined && TURNED_AWAY.test(fact.code))
      return `A call to ${fact.api} was turned away (${fact.code}), for what other messages did.`;
    if (!shape.apis.some(({ name }) => name === fact.api)) return `${fact.api} is none of the pipeline’s APIs.`;
  }
  return undefined;
}

class Writing {
  readonly #journey: Journey;
  readonly #shape: PipelineShape;
  readonly #payloads: PayloadsShown;
  readonly #times: IdealTimes;
  readonly #answers = new Map<string, AnswerContent>();
  readonly #notes: string[] = [];
  readonly #used = new Set<string>();
  #hasMasked = false;

  constructor(journey: Journey, shape: PipelineShape, payloads: PayloadsShown) {
    this.#journey = journey;
    this.#shape = shape;
    this.#payloads = payloads;
    for (const answer of journey.answers) this.#answers.set(`${answer.callId} ${answer.attempt}`, answer);
    this.#times = idealTimes(journey.facts, shape, (ended) => askedToWaitMs(this.#answerTo(ended)));
  }

  test(): MarbleTest {
    const { settled, message, delivered } = this.#journey;
    if (settled === undefined || message === undefined)
      return { isPossible: false, why: 'The message is still on its way.' };
    const { name } = this.#shape;
    const value = this.#messageLiteral();
    const scripts = this.#scripts();
    const rows = [...this.#expectedCalls(), ...this.#expectedResults(), ...this.#expectedSettlement(settled)];
    const at = new Date(delivered.at).toISOString();
    if (this.#hasMasked)
      this.#notes.unshift('Values are masked: fill them in, or set SLUICE_DASHBOARD_PAYLOADS=all before you copy.');
    for (const { started, ended } of this.#times.attempts)
      if (ended.outcome === 'aborted' && ended.durationMs > 500 && ended.durationMs % 100 > 50)
        this.#notes.push(
          `${started.api} ${started.operation} was given up after ${ended.durationMs} ms; a limit that is rounder is yours to write.`,
        );
    for (const { before, ms } of this.#times.unexplained)
      this.#notes.push(`${before} began ${ms} ms after what came before it; the test takes it to follow at once.`);
    const kit = ['deliver', ...(scripts.length > 0 ? ['api'] : []), ...rows.flatMap(({ kit: names }) => names)];
    const names =
      scripts.length === 0
        ? ''
        : `<${this.#apis()
            .map(({ key }) => quoted(key))
            .join(' | ')}>`;
    const notes = this.#notes.map((note) => `// ${oneLine(note)}\n`).join('');
    const lines = [`deliver('a', { a: received });`, ...scripts, '', ...rows.map(({ line }) => line)].map((line) =>
      line === '' ? '\n' : `      ${line}\n`,
    );
    const kitNames = [...new Set(kit)].join(', ');
    const text = `${this.#imports()}
// Copied from the dashboard: message ${oneLine(quoted(delivered.messageId))}, delivered ${at}.
${notes}const received = ${value};

describe(${quoted(name)}, () => {
  it(
    ${quoted(titleOf(settled, delivered.messageId))},
    marbles${names}(pipeline, { random: () => ${RANDOM} }, (kit) => {
      const { ${kitNames} } = kit;
${lines.join('')}    }),
  );
});
`;
    return { isPossible: true, text, notes: this.#notes };
  }

  #imports(): string {
    const names = ['marbles', ...this.#used].filter((name) => name !== 'exchange').sort();
    const exchange = this.#used.has('exchange') ? "import { exchange } from 'sluice';\n" : '';
    return `${exchange}import { ${names.join(', ')} } from 'sluice/testing';
import pipeline from '../pipelines/${this.#shape.name}.ts';
`;
  }

  #messageLiteral(): string {
    const { message, delivered } = this.#journey;
    const { contentType, contentEncoding, replyTo, type } = (message?.properties ?? {}) as Readonly<
      Record<string, string | undefined>
    >;
    const opened = openBody(message?.body ?? new Uint8Array(), contentType, contentEncoding);
    const options: Record<string, unknown> = {
      ...(delivered.messageAttempt > 1 ? { attempt: delivered.messageAttempt } : {}),
      ...(replyTo === undefined ? {} : { replyTo }),
      ...(type === undefined ? {} : { type }),
    };
    if (opened.kind === 'unread') {
      // What cannot be read is delivered as it was; where it may not be seen, something else that cannot be read.
      const mayShow = this.#payloads === 'all';
      if (!mayShow) this.#hasMasked = true;
      Object.assign(options, {
        ...(contentType === undefined ? {} : { contentType }),
        ...(contentEncoding === undefined ? {} : { contentEncoding }),
      });
      const body = mayShow ? (message?.body ?? new Uint8Array()) : Buffer.from('…');
      return this.#message(literal(body), options);
    }
    const isText = typeof opened.value === 'string' || opened.value instanceof Uint8Array;
    if (isText && contentType !== undefined) options.contentType = contentType;
    const body = this.#masked(opened);
    return Object.keys(options).length === 0 && !isText
      ? literal(body)
      : this.#message(literal(typeof body === 'string' && isText ? Buffer.from(body) : body), options);
  }

  #message(body: string, options: Readonly<Record<string, unknown>>): string {
    this.#used.add('message');
    return Object.keys(options).length === 0 ? `message(${body})` : `message(${body}, ${literal(options)})`;
  }

  #apis(): readonly ApiShape[] {
    const called = new Set(this.#times.attempts.map(({ started }) => started.api));
    return this.#shape.apis.filter(({ name }) => called.has(name));
  }

  /** What each operation answers, call after call. */
  #scripts(): string[] {
    const byOperation = new Map<string, IdealAttempt[]>();
    for (const attempt of this.#times.attempts) {
      if (attempt.ended.code === 'ERR_REQUEST_INVALID') continue;
      const key = `${attempt.started.api} ${attempt.started.operation}`;
      byOperation.set(key, [...(byOperation.get(key) ?? []), attempt]);
    }
    return [...byOperation.values()].map((attempts) => this.#script(attempts));
  }

  #script(attempts: readonly IdealAttempt[]): string {
    const [{ started } = { started: undefined }] = attempts;
    const api = this.#shape.apis.find(({ name }) => name === started?.api);
    const values: string[] = [];
    let failure: string | undefined;
    const diagrams = attempts.map((attempt, index) => {
      const { ended, startAt, endAt } = attempt;
      const lengthMs = endAt - startAt;
      if (ended.outcome === 'aborted' || ended.code === 'ERR_CALL_TIMEOUT') return "'-'";
      if (ended.status === undefined && ended.outcome !== 'ok') {
        this.#used.add('networkError');
        failure = "networkError('ECONNRESET')";
        return quoted(after(lengthMs, '#'));
      }
      const symbol = SYMBOLS[index] ?? 'z';
      values.push(`${symbol}: ${this.#answer(ended)}`);
      return quoted(after(lengthMs, `(${symbol}|)`));
    });
    const diagram = diagrams.length === 1 ? (diagrams[0] ?? "'-'") : `[${diagrams.join(', ')}]`;
    const rest = [
      ...(values.length > 0 || failure !== undefined ? [members(values)] : []),
      ...(failure === undefined ? [] : [failure]),
    ];
    const key = api?.key ?? '';
    const place = /^[A-Za-z_$][\w$]*$/.test(key) ? `api.${key}` : `api[${quoted(key)}]`;
    return statement(`${place}.on`, [quoted(started?.operation ?? ''), diagram, ...rest]);
  }

  #answer(ended: CallEnded): string {
    const content = this.#answerTo(ended);
    const status = ended.status ?? 200;
    const type = headerOf(content, 'content-type');
    const wait = headerOf(content, 'retry-after');
    let body: string | undefined;
    const headers: Record<string, string> = wait === undefined ? {} : { 'retry-after': wait };
    if (
      content !== undefined &&
      content.body.byteLength > 0 &&
      (ended.outcome === 'ok' || ended.code === 'ERR_RESPONSE_INVALID')
    ) {
      const isJson = type === undefined || /\bjson\b/.test(type);
      const opened: Opened = isJson
        ? openBody(content.body, 'application/json')
        : { kind: 'value', value: /^text\//.test(type) ? Buffer.from(content.body).toString() : content.body };
      if (type !== undefined && !(isJson && opened.kind === 'value')) headers['content-type'] = type;
      body = literal(
        this.#masked(opened.kind === 'value' ? opened : { kind: 'value', value: Buffer.from(content.body).toString() }),
        6,
      );
    }
    const given = Object.keys(headers).length === 0 ? [] : [literal(headers)];
    const parts = [...(body === undefined && given.length === 0 ? [] : [body ?? 'undefined']), ...given];
    if (status === 200) {
      this.#used.add('ok');
      return `ok(${parts.join(', ')})`;
    }
    this.#used.add('status');
    return `status(${[String(status), ...parts].join(', ')})`;
  }

  #expectedCalls(): readonly ExpectedRow[] {
    const kinds = new Map<string, string>();
    const marks: Mark[] = [];
    for (const { started, startAt, ended } of this.#times.attempts) {
      if (ended.code === 'ERR_REQUEST_INVALID') continue;
      const key = this.#shape.apis.find(({ name }) => name === started.api)?.key ?? started.api;
      const value = `call(${quoted(key)}, ${quoted(started.operation)})`;
      const symbol = kinds.get(value) ?? SYMBOLS[kinds.size] ?? 'z';
      kinds.set(value, symbol);
      marks.push({ at: startAt, symbol });
    }
    if (marks.length === 0) return [{ kit: ['expectCalls'], line: "expectCalls('-');" }];
    const diagram = kinds.size > SYMBOLS.length ? undefined : diagramOf(marks);
    if (diagram === undefined) {
      this.#notes.push('The calls come too close after one another to be drawn: they are not compared.');
      return [];
    }
    this.#used.add('call');
    const values = members([...kinds].map(([value, symbol]) => `${symbol}: ${value}`));
    return [{ kit: ['expectCalls'], line: statement('expectCalls', [quoted(diagram), values]) }];
  }

  #expectedResults(): readonly ExpectedRow[] {
    const { results, facts } = this.#journey;
    const published = facts.filter((fact): fact is Published => fact.type === 'published');
    if (published.length !== results.length) {
      this.#notes.push('Not all results are kept: they are not compared.');
      return [];
    }
    if (results.length === 0) return [{ kit: ['expectPublished'], line: "expectPublished('-');" }];
    this.#used.add('published');
    this.#used.add('exchange');
    const values = results.map(({ exchange, routingKey, body }, index) => {
      const opened = openBody(body, 'application/json');
      const shown = literal(this.#masked(opened.kind === 'value' ? opened : { kind: 'value', value: body }), 6);
      return `${SYMBOLS[index] ?? 'z'}: published(exchange(${quoted(exchange)}, ${quoted(routingKey)}), ${shown})`;
    });
    const diagram =
      diagramOf(results.map((_, index) => ({ at: this.#times.endAt, symbol: SYMBOLS[index] ?? 'z' }))) ?? '-';
    return [{ kit: ['expectPublished'], line: statement('expectPublished', [quoted(diagram), members(values)]) }];
  }

  #expectedSettlement({ settlement, code, delayMs }: Settled): readonly ExpectedRow[] {
    const { endAt } = this.#times;
    const name = settlement === 'ack' ? 'ack' : settlement === 'retry' ? 'retry' : 'deadLetter';
    this.#used.add(name);
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

  #answerTo({ callId, attempt }: CallEnded): AnswerContent | undefined {
    return this.#answers.get(`${callId} ${attempt}`);
  }

  #masked(opened: Extract<Opened, { kind: 'value' }>): unknown {
    const { value, isMasked } = mask(opened.value, this.#payloads);
    this.#hasMasked ||= isMasked;
    return value;
  }
}

interface ExpectedRow {
  /** What of the kit it needs. */
  readonly kit: readonly string[];
  readonly line: string;
}

const MAX_LINE = 112;
const SPACE = '      ';

/** A call as a statement of the test's body; over several lines where one does not hold it. */
function statement(called: string, args: readonly string[]): string {
  const line = `${called}(${args.join(', ')});`;
  if (!line.includes('\n') && line.length + SPACE.length <= MAX_LINE) return line;
  const last = args.at(-1) ?? '';
  const others = args.slice(0, -1).join(', ');
  const isShort = !others.includes('\n') && called.length + others.length + SPACE.length <= MAX_LINE - 6;
  if (last.startsWith('{\n') && isShort) return `${called}(${others}, ${last});`;
  return `${called}(\n${args.map((arg) => `${SPACE}  ${arg.replaceAll('\n', '\n  ')},\n`).join('')}${SPACE});`;
}

/** Members of an object, on a line each where one does not hold them. */
function members(entries: readonly string[]): string {
  if (entries.length === 0) return '{}';
  const line = `{ ${entries.join(', ')} }`;
  if (!line.includes('\n') && line.length + SPACE.length <= MAX_LINE) return line;
  return `{\n${entries.map((entry) => `${SPACE}  ${entry.replaceAll('\n', '\n  ')},\n`).join('')}${SPACE}}`;
}

const after = (lengthMs: number, end: string): string => (lengthMs <= 0 ? end : ` ${lengthMs}ms ${end}`);

function titleOf({ settlement, code }: Settled, messageId: string): string {
  const id = messageId.slice(0, 80);
  if (settlement === 'ack') return `acks ${id}`;
  return settlement === 'retry' ? `tries ${id} again later: ${code}` : `dead-letters ${id}: ${code}`;
}

function headerOf(content: AnswerContent | undefined, name: string): string | undefined {
  const value = content?.headers[name];
  return typeof value === 'string' ? value : undefined;
}

/** In seconds, as most servers say it. */
function askedToWaitMs(content: AnswerContent | undefined): number {
  const asked = headerOf(content, 'retry-after');
  return asked !== undefined && /^\d{1,6}$/.test(asked) ? Number(asked) * 1_000 : 0;
}

/** A comment ends with its line. */
const oneLine = (text: string): string => text.replace(/[\p{Cc}\u2028\u2029]/gu, ' ');
