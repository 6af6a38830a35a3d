/** What each operation answers in a test, call after call: `api.payment.on('POST /charge', …)`. */
import type { CallEnded } from '../../events.ts';
import { type Opened, openBody } from '../redact.ts';
import type { Draft } from './draft.ts';
import type { IdealAttempt } from './ideal-times.ts';
import { members, statement } from './layout.ts';
import { literal, quoted } from './literal.ts';
import { SYMBOLS } from './marble-row.ts';
import { headerOf, type Story } from './story.ts';

/** A statement for each operation. What was never sent is answered by none. */
export function scriptsOf(story: Story, draft: Draft): readonly string[] {
  const byOperation = new Map<string, IdealAttempt[]>();
  for (const attempt of story.times.attempts) {
    if (attempt.ended.code === 'ERR_REQUEST_INVALID') continue;
    const key = `${attempt.started.api} ${attempt.started.operation}`;
    byOperation.set(key, [...(byOperation.get(key) ?? []), attempt]);
  }
  return [...byOperation.values()].map((attempts) => scriptOf(attempts, story, draft));
}

function scriptOf(attempts: readonly IdealAttempt[], story: Story, draft: Draft): string {
  const [{ started } = { started: undefined }] = attempts;
  const values: string[] = [];
  let failure: string | undefined;
  const diagrams = attempts.map(({ ended, startAt, endAt }, index) => {
    const lengthMs = endAt - startAt;
    if (ended.outcome === 'aborted' || ended.code === 'ERR_CALL_TIMEOUT') return "'-'";
    if (ended.status === undefined && ended.outcome !== 'ok') {
      failure = `${draft.use('networkError')}('ECONNRESET')`;
      return quoted(after(lengthMs, '#'));
    }
    const symbol = SYMBOLS[index] ?? 'z';
    values.push(`${symbol}: ${answer(ended, story, draft)}`);
    return quoted(after(lengthMs, `(${symbol}|)`));
  });
  const diagram = diagrams.length === 1 ? (diagrams[0] ?? "'-'") : `[${diagrams.join(', ')}]`;
  const rest = [
    ...(values.length > 0 || failure !== undefined ? [members(values)] : []),
    ...(failure === undefined ? [] : [failure]),
  ];
  const key = story.keyOfApi(started?.api) ?? '';
  const place = /^[A-Za-z_$][\w$]*$/.test(key) ? `api.${key}` : `api[${quoted(key)}]`;
  return statement(`${place}.on`, [quoted(started?.operation ?? ''), diagram, ...rest]);
}

const after = (lengthMs: number, end: string): string => (lengthMs <= 0 ? end : ` ${lengthMs}ms ${end}`);

/** `ok(…)` or `status(…)`, with body and headers where they matter. */
function answer(ended: CallEnded, story: Story, draft: Draft): string {
  const content = story.answerTo(ended);
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
      draft.masked(opened.kind === 'value' ? opened : { kind: 'value', value: Buffer.from(content.body).toString() }),
      6,
    );
  }
  const given = Object.keys(headers).length === 0 ? [] : [literal(headers)];
  const parts = [...(body === undefined && given.length === 0 ? [] : [body ?? 'undefined']), ...given];
  return status === 200
    ? `${draft.use('ok')}(${parts.join(', ')})`
    : `${draft.use('status')}(${[String(status), ...parts].join(', ')})`;
}
