/** Which queues a message may ask its answer to: names, or patterns with `*`. Pure. */

/** Whether a message may ask its answer to this queue. */
export const isAllowed = (queueName: string, patterns: readonly string[]): boolean =>
  patterns.some((pattern) => matches(queueName, pattern));

/** Whether a name fits a pattern whose `*` stands for any characters. Linear: each part is looked for once, left to right. */
function matches(name: string, pattern: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return name === pattern;
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found === -1 || found + part.length > name.length - last.length) return false;
    at = found + part.length;
  }
  return true;
}
