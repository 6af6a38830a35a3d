/** What the demo sends: ordinary messages for the four pipelines, and now and then one that nobody can read. Pure; `n` makes each of them. */

export interface SampleMessage {
  readonly queue: string;
  readonly messageId: string;
  readonly body: Uint8Array;
}

const NAMES = ['ada', 'grace', 'edsger', 'barbara', 'donald', 'radia', 'tony', 'frances'];
const GOODS = ['lamp', 'desk', 'chair', 'shelf', 'clock', 'rug'];

const pick = <T>(from: readonly T[], n: number): T => from[n % from.length] as T;
const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

/** One message in this many has a body that breaks off. */
const BROKEN_EVERY = 40;

const SAMPLES: Readonly<Record<string, (n: number) => unknown>> = {
  'users.register': (n) => ({
    username: `${pick(NAMES, n)}-${n}`,
    email: `${pick(NAMES, n)}.${n}@example.com`,
    password: `secret-${n}`,
  }),
  'orders.placed': (n) => ({
    order_id: `order-${n}`,
    items: [{ product_id: pick(GOODS, n), quantity: 1 + (n % 3) }],
    amount: 10 + (n % 90),
    payment_details: { method: 'card', token: `tok-${n}` },
    shipping_address: { street: `Main St ${n}`, city: 'Springfield' },
  }),
  'articles.published': (n) => ({
    id: `article-${n}`,
    title: `On ${pick(GOODS, n)}s`,
    url: `https://example.com/articles/${n}`,
    author: pick(NAMES, n),
  }),
  'search.requested': (n) => ({ query: pick(GOODS, n) }),
};

export const QUEUES: readonly string[] = Object.keys(SAMPLES);

/** The nth round: one message for each pipeline. */
export function sampleRound(n: number): readonly SampleMessage[] {
  return Object.entries(SAMPLES).map(([queue, sample], index) => {
    const body = json(sample(n));
    // Each pipeline has its broken ones at other times.
    const isBroken = n % BROKEN_EVERY === 7 * (index + 1);
    return { queue, messageId: `${queue}-${n}`, body: isBroken ? body.subarray(0, body.length / 2) : body };
  });
}
