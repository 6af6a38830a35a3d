/** Facts as a test expects and sees them: the fields it names, of the types it asks for. */
import type { Fact } from '../../events.ts';
import { isSame } from '../marble-equal.ts';
import { textOf } from '../marble-text.ts';
import type { RowRules } from './row.ts';
import { namedBy } from './text.ts';

export type FactType = Fact['type'];
/** Any fields of a fact of this type. */
export type FactParts<Type extends FactType> = Partial<Extract<Fact, { readonly type: Type }>>;

const isTable = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

export const factRules: RowRules<Fact> = {
  subject: 'expectFacts',
  title: 'the facts differ from their diagram',
  isMeant: (expected, actual) =>
    isTable(expected) && Object.entries(expected).every(([name, value]) => isSame(Reflect.get(actual, name), value)),
  describe: (value, all) => {
    if (!isTable(value) || all.includes(value)) return textOf(value);
    const named = namedBy(value, all.filter(isTable));
    return textOf({ type: value.type, ...(Object.keys(named).length === 0 ? withoutNoise(value) : named) });
  },
};

/** What says the same of every fact of a message. */
const withoutNoise = (fact: Readonly<Record<string, unknown>>): object => {
  const { at: _at, correlationId: _c, traceId: _t, messageAttempt: _a, deliveryTag: _d, ...rest } = fact;
  return rest;
};

/** A boolean row: `t` while the pipeline takes messages from its queue, `f` while it does not. */
export const consumingRules: RowRules<boolean> = {
  subject: 'expectConsuming',
  title: 'when the pipeline takes messages differs from its diagram',
  isMeant: (expected, actual) => expected === actual,
  describe: (value) => (value === true ? 'consuming' : 'not consuming'),
};
