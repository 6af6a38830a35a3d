/** From options to a setup: defaults filled in, mistakes named. */
import { MemoryStore } from '../../journal/memory-store.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { durationMs } from '../../policies/duration.ts';
import { checkNames, type Names } from '../pipelines/known-names.ts';
import type { ApiTraits, Setup, SimulationOptions } from './options.ts';
import { FAULT_KINDS } from './plan.ts';

const HOUR_MS = 3_600_000;

const OPTIONS = {
  messages: true,
  seed: true,
  path: true,
  apis: true,
  hours: true,
  maxMessages: true,
  maxFaults: true,
  faults: true,
  workers: true,
  laws: true,
  drainWithin: true,
  shrinkMs: true,
  journal: true,
  throughPort: true,
  throughPipeline: true,
} as const satisfies Names<SimulationOptions>;

const TRAITS = {
  latency: true,
  capacity: true,
  failureRatio: true,
  lostAnswerRatio: true,
  honoursKeys: true,
  repeats: true,
} as const satisfies Names<ApiTraits>;

/** @throws TypeError, RangeError naming the option and what is allowed. */
export function setupOf(pipelines: readonly Pipeline[], options: SimulationOptions): Setup {
  checkNames('simulate', options, OPTIONS);
  const { messages, apis = {}, hours = 1, workers = 2, faults = FAULT_KINDS, laws = [] } = options;
  const { maxMessages = Math.ceil(100 * hours), maxFaults = Math.ceil(12 * hours) } = options;
  if (pipelines.length === 0) throw new TypeError('simulate: expected at least one pipeline');
  for (const { name } of pipelines) {
    if (typeof messages[name] !== 'function')
      throw new TypeError(`messages: expected a function for pipeline "${name}", which makes the body of a message`);
  }
  const known = apiNamesOf(pipelines);
  for (const name of Object.keys(apis)) {
    if (!known.includes(name))
      throw new TypeError(`apis: "${name}" is no API of these pipelines: ${known.join(', ') || 'they have none'}`);
  }
  for (const [name, api] of Object.entries(apis)) {
    const traits = Object.entries(api).filter(([key]) => !key.includes(' '));
    checkNames(`api "${name}"`, Object.fromEntries(traits), TRAITS);
  }
  for (const kind of faults)
    if (!FAULT_KINDS.includes(kind)) throw new TypeError(`faults: no "${kind}", only ${FAULT_KINDS.join(', ')}`);
  if (!(hours > 0 && hours <= 100)) throw new RangeError(`hours: expected a number above 0 up to 100, got ${hours}`);
  requireInteger('workers', workers, 1, 20);
  requireInteger('maxMessages', maxMessages, 1, 1_000_000);
  requireInteger('maxFaults', maxFaults, 0, 100_000);
  return {
    pipelines,
    messages,
    apis,
    safetyMs: Math.round(hours * HOUR_MS),
    maxMessages,
    maxFaults,
    faults,
    workers,
    drainWithinMs: options.drainWithin === undefined ? slowestMs(pipelines) : durationMs(options.drainWithin),
    laws,
    journal: options.journal ?? (() => new MemoryStore()),
    throughPort: options.throughPort ?? ((port) => port),
    throughPipeline: options.throughPipeline ?? ((pipeline) => pipeline),
  };
}

export const apiNamesOf = (pipelines: readonly Pipeline[]): readonly string[] => [
  ...new Set(pipelines.flatMap(({ apis }) => Object.values(apis).map(({ name }) => name))),
];

/** All tries at full length with all pauses between, in the slowest pipeline, and time for breakers to close again. */
function slowestMs(pipelines: readonly Pipeline[]): number {
  const each = pipelines.map(({ source, timeoutMs }) => {
    const pauses = source.retryDelaysMs.reduce((sum, delayMs) => sum + delayMs, 0);
    return pauses + (source.retryDelaysMs.length + 1) * timeoutMs;
  });
  return Math.max(...each) + 5 * 60_000;
}

function requireInteger(option: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RangeError(`${option}: expected an integer from ${least} to ${most}, got ${value}`);
}
