/** What a client says of a delivery. */
export type Verdict = 'ack' | 'reject' | 'requeue';
