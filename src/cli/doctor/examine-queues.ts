/** Looks at the queues of a pipeline: its own, and those where messages wait or end beside it. */
import type { BrokerInspection, Difference } from '../../broker/inspection.ts';
import { workQueues } from '../../broker/partitions.ts';
import { deadLetterQueue } from '../../broker/queue.ts';
import { sourceTopology } from '../../broker/source-topology.ts';
import { insteadOfDeleting, type QueueSpec, type TopologyMode } from '../../broker/topology.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { counted } from '../print.ts';
import { limitBelowAttempts } from './definition-rules.ts';
import type { Finding } from './finding.ts';
import { DECLARED_AT_START, different, mayNot, notCompared, unseen } from './wanted-and-found.ts';

export async function examineQueues(
  inspection: BrokerInspection,
  { source }: Pipeline,
  mode: TopologyMode,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const attempts = source.retryDelaysMs.length + 1;
  for (const spec of sourceTopology(source).queues) {
    const subject = `queue ${spec.name}`;
    const state = await inspection.queue(spec.name);
    if (state === undefined) {
      findings.push(...(await missingQueue(inspection, spec, mode, spec.name === deadLetterQueue(source.name))));
      continue;
    }
    if (state === 'unseen') {
      const lacksRead = workQueues(source).includes(spec.name) && !(await inspection.mayRead(spec.name));
      findings.push(...unseen(subject, mode, lacksRead ? mayNot(subject, 'consume', 'read') : undefined));
      continue;
    }
    const differences = await inspection.queueDifferences(spec);
    if (differences === undefined) findings.push(notCompared(subject, mode));
    for (const difference of differences ?? [])
      if (mode === 'assert' || !isSaidByLostLetters(difference, differences ?? []))
        findings.push(different(subject, difference, mode, insteadOfDeleting(spec)));
    findings.push(...(await deadLetterTargets(inspection, spec, differences ?? [])));
    if (workQueues(source).includes(spec.name)) {
      const limit = differences?.find(({ property }) => property === 'x-delivery-limit');
      if (limit !== undefined && Number(limit.found) < attempts)
        findings.push(limitBelowAttempts(subject, Number(limit.found), attempts));
      if (!(await inspection.mayRead(spec.name))) findings.push(mayNot(subject, 'consume', 'read'));
      if (state.ready > 0 && state.consumers === 0) findings.push(nobodyConsumes(subject, state.ready));
    }
    if (spec.name === deadLetterQueue(source.name) && state.ready > 0) findings.push(deadLetters(subject, state.ready));
  }
  return findings;
}

async function missingQueue(
  inspection: BrokerInspection,
  { name }: QueueSpec,
  mode: TopologyMode,
  isDeadLetterQueue: boolean,
): Promise<readonly Finding[]> {
  const subject = `queue ${name}`;
  const check = isDeadLetterQueue ? 'dead-letter-target' : 'queue-missing';
  if (mode === 'check') {
    const finding = isDeadLetterQueue
      ? 'does not exist, and is where messages go that cannot be done; a worker does not start without it'
      : 'does not exist, and a worker that only looks does not start without it';
    const advice =
      'declare it: "sluice topology --apply" as a user who may, or import what "sluice topology --json" prints';
    return [{ severity: 'problem', check, subject, finding, advice }];
  }
  if (!(await inspection.mayConfigure('queue', name))) return [mayNot(subject, 'declare', 'configure')];
  return [{ severity: 'note', check, subject, finding: 'does not exist yet', advice: DECLARED_AT_START }];
}

/** Without an exchange nothing goes anywhere, whatever the key: `deadLetterTargets` tells it, once. */
const isSaidByLostLetters = ({ property }: Difference, all: readonly Difference[]): boolean =>
  (property === 'x-dead-letter-exchange' || property === 'x-dead-letter-routing-key') &&
  all.some((other) => other.property === 'x-dead-letter-exchange' && other.found === 'none');

/** Where a queue's dead letters really go, where that is not what is wanted: to nowhere means that the broker deletes them without a word. */
async function deadLetterTargets(
  inspection: BrokerInspection,
  { name, arguments: args }: QueueSpec,
  differences: readonly Difference[],
): Promise<readonly Finding[]> {
  const found = (property: string): string =>
    differences.find((difference) => difference.property === property)?.found ?? String(args[property] ?? 'none');
  const wantsTarget = args['x-dead-letter-exchange'] !== undefined;
  const exchange = found('x-dead-letter-exchange');
  const key = found('x-dead-letter-routing-key');
  const lost = (finding: string, advice: string): readonly Finding[] => [
    { severity: 'problem', check: 'dead-letter-target', subject: `queue ${name}`, finding, advice },
  ];
  if (!wantsTarget) return [];
  if (exchange === 'none')
    return lost(
      'has no dead-letter exchange: what expires in it or was handed over too often is deleted',
      'declare it anew with the arguments that "sluice topology" prints',
    );
  if (exchange !== '')
    return (await inspection.hasExchange(exchange))
      ? []
      : lost(
          `dead-letters to exchange ${exchange}, which does not exist: what goes there is deleted`,
          `create exchange ${exchange} and bind a queue to it`,
        );
  // The queues of the pipeline itself are looked at anyway.
  if (key === args['x-dead-letter-routing-key'] || (await inspection.queue(key === 'none' ? name : key)) !== undefined)
    return [];
  return lost(`dead-letters to queue ${key}, which does not exist: what goes there is deleted`, `create queue ${key}`);
}

const nobodyConsumes = (subject: string, ready: number): Finding => ({
  severity: 'note',
  check: 'no-consumer',
  subject,
  finding: `${counted(ready, 'message')} and no consumer`,
  advice: 'start a worker: sluice run',
});

const deadLetters = (subject: string, ready: number): Finding => ({
  severity: 'note',
  check: 'dead-letters',
  subject,
  finding: `${counted(ready, 'dead letter')}`,
  advice: 'sluice dlq ls',
});
