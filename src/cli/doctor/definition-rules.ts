/** What a pipeline's own numbers mean together: tries, prefetch, slots, and the time the broker lets a delivery be unsettled. Pure. */
import type { Pipeline } from '../../pipeline/define-pipeline.ts';
import { formatDuration } from '../../policies/duration.ts';
import type { Finding } from './finding.ts';

/** Deliveries for each slot beyond which they wait in one worker while others have none. */
const MAX_PREFETCH_PER_SLOT = 4;
/** Bodies that prefetch and message size let a worker hold. */
const MAX_HELD_BYTES = 512 * 2 ** 20;

export function findingsOfDefinition(pipeline: Pipeline, consumerTimeoutMs: number): readonly Finding[] {
  const { name, source, prefetch, concurrency, timeoutMs, maxMessageBytes, order } = pipeline;
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

  const slots = order === 'arrival' ? 1 : concurrency;
  const longestMs = Math.ceil(prefetch / slots) * timeoutMs;
  if (longestMs > consumerTimeoutMs) {
    findings.push({
      severity: 'warning',
      check: 'consumer-timeout',
      subject,
      finding: `a delivery may be unsettled for ${formatDuration(longestMs)}: prefetch ${prefetch} over ${slots === 1 ? 'one slot' : `${slots} slots`}, ${formatDuration(timeoutMs)} each; the broker takes it back after ${formatDuration(consumerTimeoutMs)}`,
      advice: 'lower prefetch or timeout, or raise consumer_timeout of the broker and say so with --consumer-timeout',
    });
  } else if (typeof order === 'object' && prefetch * timeoutMs > consumerTimeoutMs) {
    findings.push({
      severity: 'note',
      check: 'consumer-timeout',
      subject,
      finding: `if all ${prefetch} deliveries have one key, the last may be unsettled for ${formatDuration(prefetch * timeoutMs)}; the broker takes it back after ${formatDuration(consumerTimeoutMs)}`,
      advice: 'lower prefetch or timeout where keys are few',
    });
  }
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

export const limitBelowAttempts = (subject: string, limit: number, attempts: number): Finding => ({
  severity: 'warning',
  check: 'delivery-limit',
  subject,
  finding: `is handed over ${limit} times at most, and ${attempts} tries are planned: restarts and lost connections could dead-letter a message that was never tried`,
  advice: 'raise deliveryLimit well above the tries, 100 by default',
});
