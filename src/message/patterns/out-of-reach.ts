/** What the cost of a pattern cannot be told for: it is taken for the worst. */
export class OutOfReach extends Error {}
