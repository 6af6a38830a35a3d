/**
 * The verdict on a chaos run, from what stands in journals outside of the workers: inputs the broker confirmed, results and dead letters it
 * holds, requests the APIs took, connections the lines saw. Pure.
 */
import type { JournalEntry } from '../../demo/apis/request-journal.ts';
import type { LogLine } from '../support/worker-process.ts';
import { timeOf } from './fleet.ts';
import { CONCURRENCY, type Input, PIPELINES, PREFETCH } from './inputs.ts';
import type { Fault } from './plan.ts';

/** What became of an input, as often as it did. */
export interface Ending {
  readonly id: string;
  /** What the result says, or `dead`. */
  readonly end: string;
  /** Of a posting. */
  readonly account?: string;
  readonly place?: number;
  readonly worker?: string;
  readonly isFirst?: boolean;
}

export interface WorkerEnd {
  readonly name: string;
  readonly place: number;
  readonly lines: readonly LogLine[];
  readonly startedAtMs: number;
  readonly endedAtMs: number | undefined;
  readonly end: 'kill' | 'stop' | undefined;
  readonly exit: number | string | undefined;
}

export interface Evidence {
  readonly confirmed: readonly Input[];
  /** Published without a confirm: each may have ended, or not. */
  readonly unknown: readonly Input[];
  /** In the order the broker stored them. */
  readonly endings: readonly Ending[];
  /** Messages left in queues, by queue. */
  readonly left: Readonly<Record<string, number>>;
  readonly requests: Readonly<Record<string, readonly JournalEntry[]>>;
  readonly workers: readonly WorkerEnd[];
  /** Broker connections of workers that ended otherwise than in order. */
  readonly lostConnections: number;
  readonly faults: readonly { readonly fault: Fault; readonly fromMs: number; readonly toMs: number }[];
  readonly vitals: readonly { readonly rssMb: number; readonly openFiles: number }[];
}

export interface Finding {
  readonly law: string;
  readonly text: string;
}

export interface Verdict {
  readonly findings: readonly Finding[];
  /** Ends beyond the first, over all inputs. */
  readonly duplicates: number;
  /** As many as the prefetch allows, for each pipeline, for the connections that were lost. */
  readonly duplicatesAllowed: number;
  /** Most calls that one worker had in flight at one API. */
  readonly maxInFlight: number;
}

/** Findings of one law that are told one by one. */
const MAX_TOLD = 10;

export function audit(evidence: Evidence): Verdict {
  const endings = groupBy(evidence.endings, ({ id }) => id);
  const repeats = [...endings].map(([id, ends]) => ({ pipeline: id.replace(/-.*/, ''), times: ends.length - 1 }));
  const duplicatesOf = (pipeline: string): number =>
    repeats.filter((repeat) => repeat.pipeline === pipeline).reduce((sum, { times }) => sum + times, 0);
  const duplicates = repeats.reduce((sum, { times }) => sum + times, 0);
  const duplicatesAllowed = PREFETCH * evidence.lostConnections;
  const inFlight = inFlightMaxima(evidence);

  const laws: Readonly<Record<string, readonly string[]>> = {
    'nothing is lost': evidence.confirmed.filter(({ id }) => !endings.has(id)).map(({ id }) => `${id} is lost`),
    'everything ends as it should': unexpected(evidence, endings),
    'duplicates are within the prefetch for each lost connection': PIPELINES.map(
      (pipeline) => [pipeline, duplicatesOf(pipeline)] as const,
    )
      .filter(([, times]) => times > duplicatesAllowed)
      .map(
        ([pipeline, times]) =>
          `${times} duplicates of ${pipeline}, ${evidence.lostConnections} lost connections × ${PREFETCH} allow ${duplicatesAllowed}`,
      ),
    'an effect happens once': repeatedEffects(evidence),
    'what is undone was done, what is placed is not undone': halfDone(evidence, endings),
    'an API gets no more calls at once than its concurrency': inFlight
      .filter(({ max }) => max > CONCURRENCY)
      .map(({ worker, api, max }) => `${worker} had ${max} calls in flight at ${api}, ${CONCURRENCY} are allowed`),
    'postings of an account keep their order': disorder(evidence.endings),
    'queues are empty': Object.entries(evidence.left)
      .filter(([, messages]) => messages > 0)
      .map(([queue, messages]) => `${queue} holds ${messages}`),
    'a worker ends as it is asked to': evidence.workers.flatMap(wrongEnd),
    'no error but dead letters is logged': evidence.workers.flatMap(({ name, lines }) =>
      lines
        .filter(({ level = 0, msg }) => level >= 50 && msg !== 'dead-lettered')
        .map((line) => `${name}: ${JSON.stringify(line)}`),
    ),
    'a fault of the broker or its line is told in a clear line': untold(evidence),
    'memory and open files keep to their bounds': evidence.vitals.flatMap(({ rssMb, openFiles }) => [
      ...(rssMb > MAX_RSS_MB ? [`${rssMb.toFixed(0)} MB of memory, ${MAX_RSS_MB} are allowed`] : []),
      ...(openFiles > MAX_OPEN_FILES ? [`${openFiles} open files, ${MAX_OPEN_FILES} are allowed`] : []),
    ]),
  };
  const findings = Object.entries(laws).flatMap(([law, texts]) => [
    ...texts.slice(0, MAX_TOLD).map((text) => ({ law, text })),
    ...(texts.length > MAX_TOLD ? [{ law, text: `and ${texts.length - MAX_TOLD} more` }] : []),
  ]);
  return { findings, duplicates, duplicatesAllowed, maxInFlight: Math.max(0, ...inFlight.map(({ max }) => max)) };
}

/** A worker of this size, with everything it imports, is far below; a leak of a minute's messages is above. */
const MAX_RSS_MB = 400;
/** Sockets of seven APIs at six each, two to the broker, Node's own. */
const MAX_OPEN_FILES = 120;

function unexpected({ confirmed, unknown }: Evidence, endings: ReadonlyMap<string, readonly Ending[]>): string[] {
  const inputs = new Map([...confirmed, ...unknown].map((input) => [input.id, input]));
  return [...endings].flatMap(([id, ends]) => {
    const input = inputs.get(id);
    if (input === undefined) return [`${id} ended and was never published`];
    const wrong = ends.filter(({ end }) => end !== input.end);
    return wrong.map(({ end }) => `${id} should end as "${input.end}" and ended as "${end}"`);
  });
}

/** What an effect is about: the fields that name it in a request. */
const aboutOf = ({ body }: JournalEntry): string => JSON.stringify(body);

function repeatedEffects({ requests }: Evidence): string[] {
  return Object.entries(requests).flatMap(([api, entries]) => {
    const effects = entries.filter(({ hasEffect }) => hasEffect);
    const repeated = [...groupBy(effects, (entry) => `${entry.operation} ${aboutOf(entry)}`)]
      .filter(([, group]) => group.length > 1)
      .map(
        ([what, group]) =>
          `${api} ${what}: ${group.length} effects, keys ${[...new Set(group.map(({ key }) => key))].join(', ')}`,
      );
    const keyless = effects
      .filter(({ key }) => key === undefined)
      .map(({ operation }) => `${api} ${operation}: no idempotency key`);
    return [...repeated, ...keyless];
  });
}

/** Orders by what was done for them, against how they ended. */
function halfDone({ requests }: Evidence, endings: ReadonlyMap<string, readonly Ending[]>): string[] {
  const effectsOn = (api: string, operation: string): ReadonlySet<string> =>
    new Set(
      (requests[api] ?? [])
        .filter((entry) => entry.hasEffect && entry.operation === operation)
        .map(({ body }) => orderOf(body)),
    );
  const done = { stock: effectsOn('inventory', 'POST /deduct'), charge: effectsOn('payment', 'POST /charge') };
  const undone = { stock: effectsOn('inventory', 'POST /restore'), charge: effectsOn('payment', 'POST /refund') };
  const shipped = effectsOn('shipping', 'POST /create-shipment');

  return [...endings].flatMap(([id, [first]]) => {
    const isAll = done.stock.has(id) && done.charge.has(id);
    const isUndone = undone.stock.has(id) || undone.charge.has(id);
    if (first?.end === 'placed' && !(isAll && shipped.has(id))) return [`${id} is placed, and not all of it was done`];
    if (first?.end === 'placed' && isUndone) return [`${id} is placed, and some of it was undone`];
    if (first?.end === 'undone' && !(isAll && undone.stock.has(id) && undone.charge.has(id)))
      return [`${id} is undone, and not all of it`];
    return [];
  });
}

/** `orders-7` of a body: by its order id, or by the transaction of its charge. */
function orderOf(body: unknown): string {
  if (typeof body !== 'object' || body === null) return '';
  if ('order_id' in body) return String(body.order_id);
  return 'transaction_id' in body ? String(body.transaction_id).replace(/^tx-/, '') : '';
}

interface InFlight {
  readonly worker: string;
  readonly api: string;
  readonly max: number;
}

/**
 * Calls in flight at once, for each process and API. A call given up by its worker is left out: the API hears of that later than the
 * worker, which has begun another by then.
 */
function inFlightMaxima({ requests }: Evidence): readonly InFlight[] {
  return Object.entries(requests).flatMap(([api, entries]) => {
    const whole = entries.filter(({ end, endedAtMs }) => end !== 'aborted' && endedAtMs !== undefined);
    const byWorker = groupBy(whole, ({ headers }) => headers['user-agent'] ?? '');
    return [...byWorker].map(([worker, calls]) => ({ worker, api, max: mostAtOnce(calls) }));
  });
}

function mostAtOnce(calls: readonly JournalEntry[]): number {
  const changes = calls.flatMap(({ receivedAtMs, endedAtMs = receivedAtMs }) => [
    { atMs: receivedAtMs, by: 1 },
    { atMs: endedAtMs, by: -1 },
  ]);
  // In the same millisecond an end may well have come before a beginning.
  changes.sort((a, b) => a.atMs - b.atMs || a.by - b.by);
  let [now, most] = [0, 0];
  for (const { by } of changes) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
}

function disorder(endings: readonly Ending[]): string[] {
  const latest = new Map<string, number>();
  return endings.flatMap(({ id, account, place, worker, isFirst }) => {
    if (account === undefined || place === undefined || isFirst !== true) return [];
    const line = `${worker} ${account}`;
    const before = latest.get(line) ?? -1;
    latest.set(line, Math.max(before, place));
    return place < before ? [`${id} came after posting ${before} of ${account}, from ${worker}`] : [];
  });
}

function wrongEnd({ name, lines, end, exit }: WorkerEnd): string[] {
  // One that still loads its pipelines has taken nothing on: the signal itself ends it.
  const stops = lines.some(({ msg }) => msg === 'worker starting') ? [0, 3] : [0, 3, 'SIGTERM'];
  const asked = end === 'kill' ? ['SIGKILL'] : end === 'stop' ? stops : [];
  if (asked.some((expected) => expected === exit)) return [];
  return [`${name} ended with ${exit}, ${end === undefined ? 'and was not asked to' : `asked by ${end}`}`];
}

/** Time in which a worker has to have said what is wrong: heartbeats, and a busy machine. */
const TOLD_WITHIN_MS = 20_000;

const NO_CONNECTION = 'no connection to the broker';
const CONNECTED = ['connected to the broker again', 'connected to the broker'];

/** Faults that a worker must have noticed, and what it has to say about them. */
function tellingOf(fault: Fault): string | undefined {
  switch (fault.kind) {
    case 'broker-kill':
    case 'broker-restart':
    case 'line-cut':
      return NO_CONNECTION;
    // Of an alarm a worker hears when it publishes under it, and while the inputs are blocked too it may have nothing to publish.
    default:
      return undefined;
  }
}

/** Lines an outage may have: one for each of its reasons, not one for each attempt. */
const MAX_LINES_PER_FAULT = 8;

function untold({ faults, workers }: Evidence): string[] {
  const silent = faults.flatMap(({ fault, fromMs, toMs }) => {
    const text = tellingOf(fault);
    if (text === undefined) return [];
    const place = 'worker' in fault ? fault.worker : undefined;
    const concerned = workers.filter(
      (worker) =>
        (place === undefined || worker.place === place) &&
        livedThrough(worker, fromMs, toMs) &&
        isConnectedAt(worker, fromMs) &&
        !isDisturbed(worker, faults, fromMs, toMs),
    );
    const told = ({ lines }: WorkerEnd): boolean =>
      lines.some((line) => line.msg === text && timeOf(line) >= fromMs && timeOf(line) <= toMs + TOLD_WITHIN_MS);
    return concerned.filter((worker) => !told(worker)).map(({ name }) => `${name} said nothing of ${fault.kind}`);
  });
  const loud = workers.flatMap(({ name, lines }) => {
    const said = lines.filter(({ msg }) => msg === NO_CONNECTION).length;
    const most = MAX_LINES_PER_FAULT * (faults.filter(({ fault }) => !fault.kind.startsWith('api')).length + 1);
    return said <= most ? [] : [`${name} said ${said} times that there is no connection`];
  });
  return [...silent, ...loud];
}

const livedThrough = ({ startedAtMs, endedAtMs = Infinity }: WorkerEnd, fromMs: number, toMs: number): boolean =>
  startedAtMs < fromMs && endedAtMs > toMs + TOLD_WITHIN_MS;

/** An outage that goes on already is not told again. */
function isConnectedAt({ lines }: WorkerEnd, atMs: number): boolean {
  const last = lines.findLast(
    (line) => timeOf(line) < atMs && (line.msg === NO_CONNECTION || CONNECTED.includes(line.msg ?? '')),
  );
  return last !== undefined && last.msg !== NO_CONNECTION;
}

/** Another fault at the same time may hide this one: a process that stands still notices nothing, nor one behind a frozen line. */
const isDisturbed = ({ place }: WorkerEnd, faults: Evidence['faults'], fromMs: number, toMs: number): boolean =>
  faults.some(
    (other) =>
      ['worker-pause', 'line-freeze', 'line-slow'].includes(other.fault.kind) &&
      'worker' in other.fault &&
      other.fault.worker === place &&
      other.fromMs <= toMs + TOLD_WITHIN_MS &&
      other.toMs >= fromMs - TOLD_WITHIN_MS,
  );

function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [value]);
    else group.push(value);
  }
  return groups;
}
