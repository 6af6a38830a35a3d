/** A pipeline as the engine reads it: its definition, checked, with its defaults. */
import type { Observable, ObservableInput } from 'rxjs';
import type { z } from 'zod';
import type { ExchangeType } from '../broker/topology.ts';
import type { CallTargets } from '../http/call-target.ts';
import type { Ingress } from '../ingress/ingress.ts';
import type { PipelineSource } from '../sources/source.ts';
import type { Context } from './context.ts';
import type { ReadOptions, Writes } from './message-format.ts';
import type { Destinations } from './pipeline-options.ts';

/** A pipeline with its defaults filled in. Its types are erased: the engine passes values through, the definition has checked them. */
export interface Pipeline {
  readonly kind: 'pipeline';
  readonly name: string;
  readonly source: PipelineSource;
  readonly input: z.ZodType;
  readonly apis: CallTargets;
  readonly needs: readonly string[];
  readonly concurrency: number;
  readonly prefetch: number;
  readonly order: 'none' | 'arrival' | { readonly by: (message: unknown) => string };
  readonly timeoutMs: number;
  readonly tenant: ((message: unknown) => string) | undefined;
  readonly dedupe: DedupeRule | undefined;
  readonly maxMessageBytes: number;
  readonly reads: ReadOptions | undefined;
  readonly writes: Writes | undefined;
  /** Names of exchanges. */
  readonly publishes: readonly string[];
  /** Of those in `publishes` of whose type something is said. */
  readonly exchangeTypes: ReadonlyMap<string, ExchangeType>;
  readonly replyTo: readonly string[];
  readonly ingress: Ingress | undefined;
  readonly handle: (message: unknown, context: Context<CallTargets>) => ObservableInput<unknown>;
  /** The handle's, where it has one: a saga. Such a handle minds the message's deadline by itself, and no more than its timeout cuts it off. */
  readonly lastWord: LastWord | undefined;
  readonly output: ((result: unknown, message: unknown) => Destinations) | undefined;
}

/** Whether and how a message is handled once. */
export interface DedupeRule {
  readonly key: ((message: unknown) => string) | undefined;
  readonly ttlMs: number;
  readonly repeatsResults: boolean;
  readonly otherBody: 'dead-letter' | 'done';
}

/**
 * What a handle has to say before its message is dead-lettered for good, or expires: it has begun what it must not leave without a word. Cold; emits the
 * error that counts instead. A transient one is retried later like any other.
 */
export type LastWord = (message: unknown, context: Context<CallTargets>, error: unknown) => Observable<unknown>;

export const isPipeline = (value: unknown): value is Pipeline =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'pipeline';
