/** Randomness as a parameter: a function that gives a number from 0 (included) to 1 (excluded), as `Math.random` does. */
export type Random = () => number;
