/** The message of a test. */
import type { Journey } from '../journeys.ts';
import { openBody } from '../redact.ts';
import type { Draft } from './draft.ts';
import { literal } from './literal.ts';

/** What `deliver` is given: the value, or `message(…)` where there is more to it. */
export function receivedLiteral({ message, delivered }: Journey, draft: Draft): string {
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
    const mayShow = draft.payloads === 'all';
    if (!mayShow) draft.noteMask();
    Object.assign(options, {
      ...(contentType === undefined ? {} : { contentType }),
      ...(contentEncoding === undefined ? {} : { contentEncoding }),
    });
    const body = mayShow ? (message?.body ?? new Uint8Array()) : Buffer.from('…');
    return messageCall(draft, literal(body), options);
  }
  const isText = typeof opened.value === 'string' || opened.value instanceof Uint8Array;
  if (isText && contentType !== undefined) options.contentType = contentType;
  const body = draft.masked(opened);
  return Object.keys(options).length === 0 && !isText
    ? literal(body)
    : messageCall(draft, literal(typeof body === 'string' && isText ? Buffer.from(body) : body), options);
}

function messageCall(draft: Draft, body: string, options: Readonly<Record<string, unknown>>): string {
  const message = draft.use('message');
  return Object.keys(options).length === 0 ? `${message}(${body})` : `${message}(${body}, ${literal(options)})`;
}
