/**
 * What pipelines say by themselves, without a look at the broker: what their numbers mean together (tries, prefetch, slots, the time a delivery
 * may be unsettled), and what they want that AMQP does not tell of. Pure.
 */
import { workQueues } from '../../broker/partitions.ts';
import { isStream } from '../../broker/topology.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { formatDuration } from '../../policies/duration.ts';
import type { Finding } from './finding.ts';

/** Deliveries for each slot beyond which they wait in one worker while others have none. */
const MAX_PREFETCH_PER_SLOT = 4;
/** Bodies that prefetch and message size let a worker hold. */
const MAX_HELD_BYTES = 512 * 2 ** 20;
/** What is unsettled for too long is looked for in so many steps. */
const NOTICED_LATE_RATIO = 1.05;

export function findingsOfDefinition(pipeline: Pipeline, consumerTimeoutMs: number): readonly Finding[] {
  const { name, source, prefetch, concurrency, maxMessageBytes, order } = pipeline;
  const subject = `pipeline ${name}`;
  const findings: Finding[] = [];
  const attempts = source.retryDelaysMs.length + 1;

  if (source.type === 'classic') {
    findings.push({
      severity: 'warning',
      check: 'queue-type',
      subject,
      finding:
        'works on a classic queue: duplicates after a crash have no bound, and a message that kills its consumer comes back for ever',
      advice: "use a quorum queue: another name, or delete this one and declare it anew with type: 'quorum'",
    });
  } else if (source.deliveryLimit < attempts) {
    findings.push(limitBelowAttempts(`queue ${source.name}`, source.deliveryLimit, attempts));
  }

  findings.push(...findingsOfTimes(pipeline, consumerTimeoutMs));
  if (order === 'none' && prefetch > MAX_PREFETCH_PER_SLOT * concurrency) {
    findings.push({
      severity: 'warning',
      check: 'prefetch',
      subject,
      finding: `prefetch ${prefetch} is ${Math.floor(prefetch / concurrency)} times the concurrency, ${concurrency}: messages wait in one worker while others may have none`,
      advice: `a prefetch of ${2 * concurrency} keeps every slot fed`,
    });
  }
  if (prefetch * maxMessageBytes > MAX_HELD_BYTES) {
    findings.push({
      severity: 'note',
      check: 'prefetch',
      subject,
      finding: `may hold ${Math.round((prefetch * maxMessageBytes) / 2 ** 20)} MiB of bodies: prefetch ${prefetch} times maxMessageBytes`,
      advice: 'lower one of them, or give the worker that memory',
    });
  }
  return findings;
}

/**
 * Two limits end a delivery that stays unsettled: `settleWithin`, by which the worker gives it back alone, and the broker's own, by which all that
 * is out with its consumer goes. The first has to be the shorter one; then the second is never reached, and how long messages wait is held against the first.
 */
function findingsOfTimes(pipeline: Pipeline, consumerTimeoutMs: number): readonly Finding[] {
  const { name, source, prefetch, concurrency, timeoutMs, order } = pipeline;
  const { settleWithinMs, partitions } = source;
  const subject = `pipeline ${name}`;
  const within = `settleWithin, ${formatDuration(settleWithinMs)}`;
  const findings: Finding[] = [];
  if (settleWithinMs * NOTICED_LATE_RATIO >= consumerTimeoutMs)
    findings.push({
      severity: 'warning',
      check: 'consumer-timeout',
      subject,
      finding: `what is unsettled is given back after ${within}, noticed up to a twentieth later; the broker takes back all that is out with it after ${formatDuration(consumerTimeoutMs)}`,
      advice: 'lower settleWithin, or raise consumer_timeout of the broker and say so with --consumer-timeout',
    });

  const slots = order === 'arrival' ? 1 : concurrency;
  const longestMs = Math.ceil(prefetch / slots) * timeoutMs;
  const share = `prefetch ${prefetch} over ${slots === 1 ? 'one slot' : `${slots} slots`}, ${formatDuration(timeoutMs)} each`;
  if (longestMs > settleWithinMs && partitions !== undefined && source.prefetch === undefined) {
    // The default prefetch is for many workers. That one is alone is a moment, as a rule, and that all its handles take their whole time too.
    findings.push({
      severity: 'note',
      check: 'settle-within',
      subject,
      finding: `a worker that has all ${partitions.count} partitions may keep a message for ${formatDuration(longestMs)}: ${share}; after ${within}, it is given back, with what came after it in its partition`,
      advice:
        'nothing where handles take less, or more workers share the partitions; else lower timeout, or prefetch of partitioned()',
    });
  } else if (longestMs > settleWithinMs) {
    findings.push({
      severity: 'warning',
      check: 'settle-within',
      subject,
      finding: `a message may wait for ${formatDuration(longestMs)}: ${share}; after ${within}, it is given back and waits anew`,
      advice: 'lower prefetch or timeout, or raise settleWithin, which stays below consumer_timeout of the broker',
    });
  } else if (typeof order === 'object' && prefetch * timeoutMs > settleWithinMs) {
    findings.push({
      severity: 'note',
      check: 'settle-within',
      subject,
      finding: `if all ${prefetch} deliveries have one key, the last may wait for ${formatDuration(prefetch * timeoutMs)}; after ${within}, it is given back and waits anew`,
      advice: 'lower prefetch or timeout where keys are few',
    });
  }
  return findings;
}

export const limitBelowAttempts = (subject: string, limit: number, attempts: number): Finding => ({
  severity: 'warning',
  check: 'delivery-limit',
  subject,
  finding: `is handed over ${limit} times at most, and ${attempts} tries are planned: restarts and lost connections could dead-letter a message that was never tried`,
  advice: 'raise deliveryLimit well above the tries, 100 by default',
});

// ---- what AMQP does not tell

const UNTIL = 'until the broker runs short of disk and blocks every publisher';

function unbounded(pipelines: readonly Pipeline[], what: string): readonly Finding[] {
  const queues = pipelines.flatMap(({ source }) => workQueues(source));
  if (queues.length === 0) return [];
  return [
    {
      severity: 'note',
      check: 'unbounded-queue',
      subject: `${queues.length === 1 ? 'queue' : 'queues'} ${queues.join(', ')}`,
      finding: `no bound among the arguments: ${what} ${UNTIL}`,
      advice:
        'bound them by a policy (max-length-bytes, overflow reject-publish), which a worker never sees, or watch their length',
    },
  ];
}

/** Those that are declared here, each once. */
function unboundedStreams(pipelines: readonly Pipeline[]): readonly Finding[] {
  const streams = pipelines.flatMap(({ source }) => source.beside?.queues ?? []).filter(isStream);
  const unlimited = streams.filter(
    ({ arguments: args }) => args['x-max-age'] === undefined && args['x-max-length-bytes'] === undefined,
  );
  return [...new Set(unlimited.map(({ name }) => name))].map((name) => ({
    severity: 'note',
    check: 'unbounded-queue',
    subject: `stream ${name}`,
    finding: `no bound among the arguments: it keeps all that was ever published ${UNTIL}`,
    advice: 'say maxAge or maxBytes, or bound it by a policy (max-age, max-length-bytes)',
  }));
}

/** Bounds and bindings: no question is answered by them. */
export function neverSeen(pipelines: readonly Pipeline[]): readonly Finding[] {
  const bound = pipelines.filter(({ source }) => source.bindings.length > 0).map(({ source }) => source.name);
  const filled = pipelines.filter(({ source }) => source.feeder === undefined);
  const fed = pipelines.filter(({ source }) => source.feeder !== undefined && source.feeder.keepsWithin !== true);
  return [
    ...unbounded(filled, 'while no worker runs messages pile up'),
    ...unbounded(fed, 'where more is fed than handled messages pile up'),
    ...unboundedStreams(pipelines),
    ...(bound.length === 0
      ? []
      : [
          {
            severity: 'note',
            check: 'bindings',
            subject: `${bound.length === 1 ? 'queue' : 'queues'} ${bound.join(', ')}`,
            finding: 'AMQP has no question for bindings: they were not looked at',
            advice: 'compare "rabbitmqctl list_bindings" with what "sluice topology" prints',
          } as const,
        ]),
  ];
}
