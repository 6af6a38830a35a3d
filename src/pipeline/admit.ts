/** The first station: a delivery becomes a typed message, or a failure that says why not. Nothing has been called yet. */
import type { z } from 'zod';
import { keyIn } from '../broker/partitions.ts';
import { firstOf, messageOf, PayloadInvalidError } from '../errors.ts';
import type { Delivery } from '../message/delivery.ts';
import { parseNow } from '../message/parse-now.ts';
import type { Failure } from './journey.ts';
import { readMessage } from './message-format.ts';
import type { Pipeline } from './pipeline.ts';

import { isAllowed } from './reply-to.ts';

export type Admission =
  | { readonly ok: true; readonly message: unknown; readonly key: string }
  | { readonly ok: false; readonly failure: Failure };

/** Decodes and validates. The key is the one messages are kept in order by; empty where the pipeline keeps none. */
export function admit(delivery: Delivery, pipeline: Pipeline): Admission {
  if (delivery.unreadable !== undefined)
    return refuse('decode', new PayloadInvalidError('headers', delivery.unreadable));
  const decoded = readMessage(delivery, pipeline.reads, pipeline.maxMessageBytes);
  if (!decoded.ok) return refuse('decode', decoded.error);

  const { replyTo } = delivery.properties;
  if (replyTo !== undefined && !isAllowed(replyTo, pipeline.replyTo)) {
    const allowed = pipeline.replyTo.length === 0 ? 'none' : pipeline.replyTo.join(', ');
    return refuse(
      'validate',
      new PayloadInvalidError(
        'reply-to',
        `reply-to ${JSON.stringify(replyTo)} is not allowed here; the pipeline's replyTo allows ${allowed}`,
      ),
    );
  }
  const admission = validate(decoded.value, pipeline);
  return admission.ok ? (refusedKey(delivery, pipeline, admission.message) ?? admission) : admission;
}

const refuse = (stage: 'decode' | 'validate', error: unknown): Admission => ({ ok: false, failure: { stage, error } });

function validate(value: unknown, { input, order, tenant }: Pipeline): Admission {
  try {
    const parsed = parseNow(input, value, 'the schema of input');
    if (!parsed.success)
      return refuse('validate', new PayloadInvalidError('schema', describeIssues(parsed.error.issues)));
    const key = typeof order === 'object' ? order.by(parsed.data) : '';
    if ((typeof key === 'object' && key !== null) || typeof key === 'function')
      return refuse('validate', new PayloadInvalidError('key', 'order.by must give a text'));
    // Whoever is nobody's would share the keys of all others that are.
    const owner: unknown = tenant === undefined ? 'nobody' : tenant(parsed.data);
    if (typeof owner !== 'string' || owner === '')
      return refuse('validate', new PayloadInvalidError('key', 'tenant must give a text that is not empty'));
    return { ok: true, message: parsed.data, key };
  } catch (error) {
    // A refinement, a transform or the key function of the author threw.
    return refuse('validate', error);
  }
}

/** A message published with another key than its own: it may lie in another partition than those it has to be in order with. */
function refusedKey(delivery: Delivery, { source }: Pipeline, message: unknown): Admission | undefined {
  const { name, partitions } = source;
  // What comes back from a delay queue, or was put into the partition by people, has been looked at, or is wanted there.
  if (partitions === undefined || delivery.exchange !== name) return undefined;
  const { by, header } = partitions;
  try {
    const key = keyIn(message, by);
    const given = header === undefined ? delivery.routingKey : delivery.headers[header];
    if (given === key) return undefined;
    const place = header === undefined ? 'routing key' : `header ${header}`;
    return refuse(
      'validate',
      new PayloadInvalidError(
        'key',
        `the ${place} is not the message's ${by}: it cannot be kept in order with the others of its key`,
      ),
    );
  } catch (error) {
    return refuse('validate', new PayloadInvalidError('key', messageOf(error), { cause: error }));
  }
}

/** `items.0.quantity: expected a number; …`: paths and rules, never values. */
const describeIssues = (issues: readonly z.core.$ZodIssue[]): string =>
  `message does not fit its schema: ${firstOf(issues, ({ path, message }) =>
    path.length === 0 ? message : `${path.join('.')}: ${message}`,
  )}`;
