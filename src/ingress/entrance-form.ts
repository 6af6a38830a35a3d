/**
 * In which form an entrance takes messages and gets results. What reads them is the pipeline's own, handed in: what the front door lets
 * through, its pipeline reads as the same.
 */
import type { Decoded } from '../message/codec.ts';
import type { Carried } from '../message/delivery.ts';

/** What a pipeline's schema gets to see of a message, and of which event it is, where it is one. */
export type Reading = Decoded & { readonly event?: { readonly id: string; readonly source: string } };

export interface EntranceForm {
  /** Content types of codecs, beside JSON. */
  readonly codecTypes: readonly string[];
  /** Messages are CloudEvents, of which the schema sees the data or all. */
  readonly cloudEvents: 'data' | 'event' | undefined;
  /** Never throws. */
  readonly read: (message: Carried) => Reading;
  /** The result in an answer. Never throws. */
  readonly readResult: (answer: Carried) => Decoded;
}
