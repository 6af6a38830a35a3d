/** Looks at everything the pipelines want of a broker: what is there, what differs, what this user may do. Changes nothing. */
import type { BrokerInspection, Difference } from '../../broker/inspection.ts';
import { workQueues } from '../../broker/partitions.ts';
import { deadLetterQueue } from '../../broker/queue.ts';
import { sourceTopology, UNLIMITED } from '../../broker/source-topology.ts';
import {
  type ExchangeSpec,
  insteadOfDeleting,
  isStream,
  type QueueSpec,
  type TopologyMode,
} from '../../broker/topology.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { neededTopology, servicesOf } from '../../worker/needed-topology.ts';
import { counted } from '../print.ts';
import { findingsOfDefinition, limitBelowAttempts } from './definition-rules.ts';
import type { Finding } from './finding.ts';
import { findingsOfVersion } from './version-rules.ts';

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
    findings.push(...(await examineSource(inspection, pipeline, mode)));
  }
  findings.push(...(await examineExchanges(inspection, options)));
  findings.push(...(await examineServices(inspection, options)));
  return [...findings, ...neverSeen(pipelines)];
}

// ---- queues

async function examineSource(
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

const DECLARED_AT_START =
  'nothing: a worker declares it at its start; one that runs already does not: "sluice topology --apply"';

/** What the broker compares it tells only those who may declare. */
const notCompared = (subject: string, mode: TopologyMode): Finding =>
  mode === 'assert'
    ? mayNot(subject, 'declare', 'configure')
    : {
        severity: 'note',
        check: 'permissions',
        subject,
        finding: 'could not be compared with what is wanted: that takes the permission to configure it',
        advice: 'run the doctor as the user who declares it too; that one need not publish or consume',
      };

/** Whoever may do anything with it may look: `lacking`, where it has to be used, says all there is to grant for a worker that only looks. */
const unseen = (subject: string, mode: TopologyMode, lacking?: Finding): readonly Finding[] => {
  if (mode === 'check') return [lacking ?? mayNot(subject, 'look at', 'write')];
  return [mayNot(subject, 'declare', 'configure'), ...(lacking === undefined ? [] : [lacking])];
};

const WEAKENS: Readonly<Record<string, string>> = {
  'x-queue-type':
    'duplicates after a crash, and what becomes of messages that kill their consumer, are not as promised',
  'x-message-ttl': 'messages wait another time than their pause',
  'x-dead-letter-exchange': 'messages go elsewhere when they expire or were handed over too often',
  'x-dead-letter-routing-key': 'messages go elsewhere when they expire or were handed over too often',
  'x-dead-letter-strategy': 'a crash of the broker may lose a message on its way to the next queue',
  'x-overflow': 'a full queue drops messages instead of refusing them',
  'x-delivery-limit': 'messages are dead-lettered after another number of handings-over',
  durable: 'its messages do not survive a restart of the broker',
};

/** What each look gives back lies in these queues. */
const NEVER_DROPPED = String(UNLIMITED['x-delivery-limit']);
const DROPPED = 'what was looked at more often is dropped, without a limit more than 20 times since RabbitMQ 4';

/** The default exchange has no name. */
const shown = (value: string): string => (value === '' ? '""' : value);

function different(
  subject: string,
  { property, wanted, found }: Difference,
  mode: TopologyMode,
  instead?: string,
): Finding {
  const finding = `has ${property} ${shown(found)}, wanted is ${shown(wanted)}`;
  const check = subject.startsWith('exchange') ? 'exchange-differs' : 'queue-differs';
  if (mode === 'assert') {
    const advice = `a worker is refused at its start: ${instead ?? "delete it, when it is empty, so that it is declared anew, or take it as it is with topology: 'check'"}`;
    return { severity: 'problem', check, subject, finding, advice };
  }
  const weakened = wanted === NEVER_DROPPED ? DROPPED : WEAKENS[property];
  const advice = instead ?? 'declare it anew as wanted when it is empty, or say the same in the pipeline';
  return {
    severity: 'warning',
    check,
    subject,
    finding: weakened === undefined ? finding : `${finding}: ${weakened}`,
    advice,
  };
}

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
    ...(differences ?? []).map((difference) => different(subject, difference, mode)),
    ...(isPublishedTo && !(await inspection.mayWrite(spec.name)) ? [mayNot(subject, 'publish to', 'write')] : []),
  ];
}

const mayNot = (subject: string, what: string, permission: 'configure' | 'write' | 'read'): Finding => ({
  severity: 'problem',
  check: 'permissions',
  subject,
  finding: `the broker user may not ${what} it`,
  advice:
    permission === 'configure'
      ? 'grant "configure" on it; or let another user declare it, and this one only look: SLUICE_TOPOLOGY=check'
      : `grant "${permission}" on it; "sluice topology" prints the patterns of a user with nothing too much`,
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

function neverSeen(pipelines: readonly Pipeline[]): readonly Finding[] {
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
