/** Looks at everything the pipelines want of a broker: what is there, what differs, what this user may do. Changes nothing. */
import type { BrokerInspection } from '../../broker/inspection.ts';
import { type ExchangeSpec, insteadOfDeletingExchange, type TopologyMode } from '../../broker/topology.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { neededTopology, servicesOf } from '../../worker/needed-topology.ts';
import { findingsOfDefinition, neverSeen } from './definition-rules.ts';
import { examineQueues } from './examine-queues.ts';
import type { Finding } from './finding.ts';
import { findingsOfVersion } from './version-rules.ts';
import { DECLARED_AT_START, different, mayNot, notCompared, unseen } from './wanted-and-found.ts';

export interface ExamineOptions {
  readonly pipelines: readonly Pipeline[];
  /** For queues that do not say it themselves. */
  readonly topology: TopologyMode;
  /** How long the broker lets a delivery be unsettled. */
  readonly consumerTimeoutMs: number;
}

/** @throws BrokerUnavailableError when the connection is lost meanwhile. */
export async function examine(inspection: BrokerInspection, options: ExamineOptions): Promise<readonly Finding[]> {
  const { pipelines, consumerTimeoutMs } = options;
  const findings = [...findingsOfVersion(inspection.product, inspection.version, pipelines)];
  for (const pipeline of pipelines) {
    const mode = pipeline.source.topology ?? options.topology;
    findings.push(...findingsOfDefinition(pipeline, consumerTimeoutMs));
    findings.push(...(await examineQueues(inspection, pipeline, mode)));
  }
  findings.push(...(await examineExchanges(inspection, options)));
  findings.push(...(await examineServices(inspection, options)));
  return [...findings, ...neverSeen(pipelines)];
}

// ---- services

/** Their queues and exchanges are their own: a worker looks for them, and needs to publish there. */
async function examineServices(
  inspection: BrokerInspection,
  { pipelines }: ExamineOptions,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const own = neededTopology(pipelines);
  // What the pipelines bring themselves is looked at as theirs.
  const isOwn = (name: string): boolean => [...own.queues, ...own.exchanges].some((one) => one.name === name);
  for (const { name, options } of servicesOf(pipelines)) {
    const { queue, exchange } = options;
    if (isOwn(exchange ?? queue ?? '')) continue;
    const isThere =
      exchange === undefined ? await inspection.queue(queue ?? '') : await inspection.hasExchange(exchange);
    const subject = exchange === undefined ? `queue ${queue}` : `exchange ${exchange}`;
    if (isThere === 'unseen') {
      const lacking = exchange === undefined ? undefined : mayNot(subject, 'publish to', 'write');
      findings.push(...unseen(subject, 'check', lacking));
    } else if (isThere === undefined || isThere === false)
      findings.push({
        severity: 'problem',
        check: 'service-missing',
        subject,
        finding: `does not exist, and a worker whose pipelines ask service ${name} does not start without it`,
        advice: 'start the service, which declares it, or create it as the service wants it',
      });
    else if (exchange !== undefined && !(await inspection.mayWrite(exchange)))
      findings.push(mayNot(subject, 'publish to', 'write'));
  }
  return findings;
}

// ---- exchanges

/** The default exchange, through which copies for later tries and dead letters go, and answers to whoever asked. */
const DEFAULT_EXCHANGE = '';

async function examineExchanges(
  inspection: BrokerInspection,
  { pipelines, topology }: ExamineOptions,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const published = new Set(pipelines.flatMap(({ publishes }) => publishes));
  for (const mode of ['assert', 'check'] as const) {
    const inMode = pipelines.filter(({ source }) => (source.topology ?? topology) === mode);
    for (const spec of neededTopology(inMode).exchanges)
      findings.push(...(await examineExchange(inspection, spec, mode, published.has(spec.name))));
  }
  if (pipelines.length > 0 && !(await inspection.mayWrite(DEFAULT_EXCHANGE)))
    findings.push(mayNot('exchange amq.default', 'publish to', 'write'));
  return findings;
}

async function examineExchange(
  inspection: BrokerInspection,
  spec: ExchangeSpec,
  mode: TopologyMode,
  isPublishedTo: boolean,
): Promise<readonly Finding[]> {
  const subject = `exchange ${spec.name}`;
  const isThere = await inspection.hasExchange(spec.name);
  if (isThere === 'unseen')
    return unseen(
      subject,
      mode,
      isPublishedTo && !(await inspection.mayWrite(spec.name)) ? mayNot(subject, 'publish to', 'write') : undefined,
    );
  if (!isThere) {
    if (!(await inspection.hasExchangeType(spec.type)))
      return [
        {
          severity: 'problem',
          check: 'exchange-missing',
          subject,
          finding: `does not exist, and the broker knows no exchanges of type ${spec.type}: a plugin is missing`,
          advice: 'rabbitmq-plugins enable rabbitmq_consistent_hash_exchange',
        },
      ];
    if (mode === 'check') {
      const advice =
        'create it: "sluice topology --apply" as a user who may, or import what "sluice topology --json" prints';
      const finding = 'does not exist, and a worker that only looks does not start without it';
      return [{ severity: 'problem', check: 'exchange-missing', subject, finding, advice }];
    }
    if (!(await inspection.mayConfigure('exchange', spec.name))) return [mayNot(subject, 'declare', 'configure')];
    const finding = 'does not exist yet';
    return [{ severity: 'note', check: 'exchange-missing', subject, finding, advice: DECLARED_AT_START }];
  }
  const differences = await inspection.exchangeDifferences(spec);
  return [
    ...(differences === undefined ? [notCompared(subject, mode)] : []),
    ...(differences ?? []).map((difference) =>
      different(subject, difference, mode, insteadOfDeletingExchange(spec, difference.property, difference.found)),
    ),
    ...(isPublishedTo && !(await inspection.mayWrite(spec.name)) ? [mayNot(subject, 'publish to', 'write')] : []),
  ];
}
