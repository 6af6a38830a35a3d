/**
 * The worker: runs pipelines from starting to stopped.
 *
 *     starting → running → draining → stopped
 *
 * Draining keeps an order: stop taking messages, finish what runs, give back the rest, await confirms, close channels, close connections.
 */
import { randomUUID } from 'node:crypto';
import {
  BehaviorSubject,
  catchError,
  concat,
  concatWith,
  defer,
  EMPTY,
  merge,
  type Observable,
  ReplaySubject,
  Subscription,
  takeUntil,
  timer,
} from 'rxjs';
import type { Broker, BrokerStatus } from '../broker/broker.ts';
import type { Requests } from '../broker/requests.ts';
import type { Topology, TopologyMode } from '../broker/topology.ts';
import { BrokerUnavailableError, ConfigError } from '../errors.ts';
import type { Facts, WorkerMoved } from '../events.ts';
import type { ServiceDefinition } from '../http/define-service.ts';
import type { Transport } from '../http/transport.ts';
import type { Journal } from '../journal/journal.ts';
import type { Logger } from '../log.ts';
import { clockNow } from '../pipeline/context.ts';
import { isBalanced, type LedgerCounts } from '../pipeline/ledger.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { type PipelineRun, runPipeline } from '../pipeline/run-pipeline.ts';
import type { Random } from '../policies/random.ts';
import type { Secret } from '../setting.ts';
import type { Tracing } from '../tracing.ts';
import { type ApiRegistry, createApiRegistry } from './api-registry.ts';
import { feederProblems } from './feeder-problems.ts';
import { neededAgreement, neededOfServices, neededTopology } from './needed-topology.ts';
import { type RecordingTarget, recorderOf } from './record-worker.ts';
import { whileUnblocked } from './service-availability.ts';
import { carrierOf, whileConnected } from './service-carrier.ts';

export type WorkerState = WorkerMoved['state'];

export interface WorkerOptions {
  readonly pipelines: readonly Pipeline[];
  readonly broker: Broker;
  /** What services are asked over, where the worker makes their clients: `calls` of the same broker. Default: it may call none. */
  readonly calls?: Requests | undefined;
  readonly journal: Journal;
  readonly facts: Facts;
  readonly log: Logger;
  /** Default: no spans. */
  readonly tracing?: Tracing | undefined;
  readonly random: Random;
  /** For queues that do not say it themselves. */
  readonly topology: TopologyMode;
  /** Time to finish what is in flight once the worker drains, in milliseconds. */
  readonly gracePeriodMs: number;
  /** Time to be connected and find or declare its topology, in milliseconds; then it ends with a BrokerUnavailableError. Default: as long as it takes. */
  readonly startWithinMs?: number;
  /** HTTP calls in flight at once over all APIs, where the worker makes their clients. Integer, at least 1. Default: as many as the APIs allow. */
  readonly maxCalls?: number;
  /** What the idempotency keys of calls are derived under, where the worker makes the clients. Default: what a message says of itself. */
  readonly keySecret?: Secret | undefined;
  /** The clients of its APIs, which the worker closes. Default: made of the pipelines' definitions. */
  readonly apis?: ApiRegistry;
  /** Records what goes over the edges of a worker that makes the clients of its APIs. Default: nothing is recorded. */
  readonly recording?: RecordingTarget | undefined;
}

/** Time for confirms and closing handshakes at the very end. */
const CLOSE_WITHIN_MS = 5_000;

/** How the worker ended. */
export interface WorkerReport {
  /** Whether every message in flight was finished in time; the others went back to the broker. */
  readonly isClean: boolean;
  /** What ended the worker, where it was not asked to stop. */
  readonly failure?: unknown;
  readonly ledgers: Readonly<Record<string, LedgerCounts>>;
}

export interface Readiness {
  readonly isReady: boolean;
  readonly state: WorkerState;
  /** Each pipeline that does not consume now, or whose source cannot feed it, and why. */
  readonly waiting: Readonly<Record<string, string>>;
  /** Why the journal cannot be asked, while it cannot. */
  readonly journal?: string;
  /** What is wrong with the connection to the broker, where something is. */
  readonly broker?: string;
}

export interface Worker {
  /** The state now, then each change; completes after `stopped`. */
  readonly state: Observable<WorkerState>;
  readiness(): Readiness;
  ledgers(): Readonly<Record<string, LedgerCounts>>;
  /** Retries each API may make now, by its name; of those that have a budget. */
  retryBudgets(): ReadonlyMap<string, number>;
  /** Starts to drain; idempotent. */
  stop(): void;
  /** Ends the grace period now: what still runs is aborted and given back. */
  hasten(reason: string): void;
  /** Something broke that nobody caught: drains, and reports the failure. The worker must not go on. */
  fail(error: unknown): void;
  /** What ends it, where it was not asked to stop; undefined as long as nothing does. */
  failure(): unknown;
  /** Settles when the worker has stopped. Never rejects. */
  readonly stopped: Promise<WorkerReport>;
}

/**
 * Starts a worker at once.
 * @throws ConfigError when settings of its APIs or sources are missing or wrong.
 */
export function startWorker(options: WorkerOptions): Worker {
  const { pipelines, journal, facts, log, gracePeriodMs } = options;
  const unfed = feederProblems(pipelines);
  if (unfed.length > 0) throw new ConfigError(unfed);
  const recorder = options.recording === undefined ? undefined : recorderOf(pipelines, facts, options.recording);
  const broker = recorder?.throughPort(options.broker) ?? options.broker;
  const random = recorder?.throughRandom(options.random) ?? options.random;
  const throughTransport = recorder?.throughTransport;
  const { maxCalls, keySecret } = options;
  const carry = (service: ServiceDefinition): Transport => {
    if (options.calls === undefined)
      throw new TypeError(`nothing is given that service "${service.name}" is asked over`);
    return whileConnected(broker.status, carrierOf(service, { requests: options.calls, newId: randomUUID }));
  };
  const apis =
    options.apis ?? createApiRegistry(pipelines, { facts, random, log, maxCalls, keySecret, throughTransport, carry });
  const drain = new ReplaySubject<void>(1);
  const halt = new ReplaySubject<string>(1);
  const runs = pipelines.map((pipeline) =>
    runPipeline(pipeline, {
      broker,
      journal,
      facts,
      log,
      tracing: options.tracing,
      random,
      drain,
      halt,
      topology: options.topology,
      bindApi: apis.bind,
      availabilityOf: (target) =>
        target.kind === 'service'
          ? whileUnblocked(broker.status, apis.availabilityOf(target))
          : apis.availabilityOf(target),
    }),
  );
  const state = new BehaviorSubject<WorkerState>('starting');
  const grace = new Subscription();
  let journalReason: string | undefined;
  const watching = journal.availability.subscribe(({ isAvailable, reason = 'away' }) => {
    journalReason = isAvailable ? undefined : reason;
  });
  let brokerFault: string | undefined = 'connecting';
  let wasCutShort = false;
  let failure: unknown;

  const report = (next: WorkerState): void => facts.report({ type: 'workerMoved', at: clockNow(), state: next });
  const move = (next: WorkerState): void => {
    report(next);
    state.next(next);
  };
  const ledgers = (): Record<string, LedgerCounts> =>
    Object.fromEntries(runs.map((run) => [run.pipeline.name, run.ledger()]));

  const hasten = (reason: string): void => {
    wasCutShort ||= runs.some((run) => run.ledger().inFlight > 0);
    halt.next(reason);
  };
  const stop = (): void => {
    if (state.value === 'draining' || state.value === 'stopped') return;
    move('draining');
    drain.next();
    grace.add(timer(gracePeriodMs).subscribe(() => hasten(`the grace period of ${gracePeriodMs} ms is over`)));
  };

  const work = defer(() => {
    if (state.value === 'starting') move('running');
    return merge(...runs.map((run) => run.work));
  });
  const fail = (error: unknown): void => {
    failure ??= error ?? new Error('thrown value: undefined');
    log.error({ error }, 'the worker cannot go on');
    stop();
  };
  const endWith = (error: unknown): Observable<never> => {
    fail(error);
    return EMPTY;
  };
  const close = defer(() => {
    grace.unsubscribe();
    return concat(apis.close(), broker.close({ withinMs: CLOSE_WITHIN_MS }));
  });

  watching.add(broker.status.subscribe((status) => (brokerFault = faultOf(status))));
  const startingWithin = (withinMs: number): Subscription =>
    timer(withinMs).subscribe(() => {
      if (state.value !== 'starting') return;
      fail(
        new BrokerUnavailableError(`not started within ${withinMs} ms: ${brokerFault ?? 'the broker does not answer'}`),
      );
    });

  report('starting');
  if (options.startWithinMs !== undefined) watching.add(startingWithin(options.startWithinMs));
  for (const { name, source } of pipelines) {
    if (source.type !== 'classic') continue;
    const warning =
      'a classic queue: duplicates after a crash have no bound, and a message that kills its consumer comes back for ever';
    log.warn({ pipeline: name, queue: source.name }, warning);
  }
  const stopped = new Promise<WorkerReport>((resolve) => {
    concat(establishAll(options).pipe(takeUntil(drain)), work)
      .pipe(catchError(endWith), concatWith(close), catchError(endWith))
      .subscribe({
        complete: () => {
          watching.unsubscribe();
          const books = ledgers();
          for (const [pipeline, counts] of Object.entries(books))
            if (!isBalanced(counts)) log.error({ pipeline, ...counts }, 'the books do not balance');
          move('stopped');
          state.complete();
          resolve({ isClean: !wasCutShort, ledgers: books, ...(failure === undefined ? {} : { failure }) });
        },
      });
  });

  return {
    state: state.asObservable(),
    readiness: () => readinessOf(state.value, runs, { broker: brokerFault, journal: journalReason }),
    ledgers,
    retryBudgets: apis.retryBudgets,
    stop,
    hasten,
    fail,
    failure: () => failure,
    stopped,
  };
}

/** `blocked: low on memory`; undefined while it is connected. */
const faultOf = ({ state, reason }: BrokerStatus): string | undefined =>
  state === 'connected' ? undefined : reason === undefined ? state : `${state}: ${reason}`;

/** What is wrong outside of the pipelines. */
interface Faults {
  readonly broker: string | undefined;
  readonly journal: string | undefined;
}

function readinessOf(state: WorkerState, runs: readonly PipelineRun[], { broker, journal }: Faults): Readiness {
  const waiting: Record<string, string> = {};
  for (const { pipeline, intake, feeding } of runs) {
    const { isConsuming, reason = 'not consuming' } = intake();
    const { isFeeding, reason: notFed = 'not fed' } = feeding();
    if (!isConsuming) waiting[pipeline.name] = reason;
    else if (!isFeeding) waiting[pipeline.name] = notFed;
  }
  const isReady = state === 'running' && Object.keys(waiting).length === 0 && journal === undefined;
  const faults = { ...(journal === undefined ? {} : { journal }), ...(broker === undefined ? {} : { broker }) };
  return { isReady, state, waiting, ...faults };
}

/** Topology of all pipelines, before the first message: what may be declared, then what must be there, last of all what services bring themselves. */
function establishAll({ pipelines, broker, topology }: WorkerOptions): Observable<never> {
  const inMode = (mode: TopologyMode): readonly Pipeline[] =>
    pipelines.filter(({ source }) => (source.topology ?? topology) === mode);
  const topologyIn = (mode: TopologyMode): Topology => neededTopology(inMode(mode));
  const services = neededOfServices(pipelines);
  const agreed = neededAgreement(inMode('assert'));
  return concat(
    agreed.queues.length === 0 ? EMPTY : broker.establish(agreed, 'assert'),
    broker.establish(topologyIn('assert'), 'assert'),
    broker.establish(topologyIn('check'), 'check'),
    services.queues.length + services.exchanges.length === 0 ? EMPTY : broker.establish(services, 'check'),
  );
}
