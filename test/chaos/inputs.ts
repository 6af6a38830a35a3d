/** What a chaos run publishes, and what has to become of it. Pure. */

export const PIPELINES = ['orders', 'articles', 'postings'] as const;
export type PipelineName = (typeof PIPELINES)[number];

/** As in the fixtures of test/fixtures/chaos. */
export const PREFETCH = 16;
export const CONCURRENCY = 6;

export interface Input {
  readonly id: string;
  readonly pipeline: PipelineName;
  readonly body: unknown;
  /** How it has to end: with a result that says so, or among the dead letters. */
  readonly end: 'placed' | 'undone' | 'told' | 'sent' | 'dead';
}

const ACCOUNTS = 12;
/** Every so manieth is one nobody can handle; an order to nowhere is refused by the shipping service. */
const POISON_EVERY = 41;
const NOWHERE_EVERY = 7;

/** The nth input of a run: orders, articles and postings in turn. */
export function inputOf(n: number): Input {
  const pipeline = PIPELINES[n % PIPELINES.length] ?? 'orders';
  const id = `${pipeline}-${n}`;
  if (n % POISON_EVERY === 0) return { id, pipeline, body: { id: n }, end: 'dead' };
  switch (pipeline) {
    case 'orders': {
      const isRefused = n % NOWHERE_EVERY === 0;
      return {
        id,
        pipeline,
        body: { id, address: isRefused ? 'nowhere' : 'street 1' },
        end: isRefused ? 'undone' : 'placed',
      };
    }
    case 'articles':
      return { id, pipeline, body: { id }, end: 'told' };
    case 'postings':
      return { id, pipeline, body: { id, account: `account-${n % ACCOUNTS}`, place: n }, end: 'sent' };
  }
}
