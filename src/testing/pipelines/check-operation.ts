/** Which operations an API and a service have. */
import type { CallTarget } from '../../http/call-target.ts';

/** @throws TypeError for an operation that nobody can call: of HTTP on a service, asked of an API, or one the service does not have. */
export function checkOperation(subject: string, definition: CallTarget, text: string): void {
  const asked = text.startsWith('ASK ') ? text.slice('ASK '.length) : undefined;
  if (definition.kind === 'api') {
    if (asked !== undefined) throw new TypeError(`${subject}: it is an API, which takes 'POST /path'`);
    return;
  }
  const known = Object.keys(definition.options.operations);
  if (asked === undefined || !known.includes(asked))
    throw new TypeError(`${subject}: the service has only ${known.map((name) => `'ASK ${name}'`).join(', ')}`);
}
