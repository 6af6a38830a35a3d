/** What the version of a broker means for the pipelines that are to run on it. From RabbitMQ's release notes and documentation. Pure. */
import type { Pipeline } from '../../pipeline/pipeline.ts';
import type { Finding } from './finding.ts';

type Version = readonly [major: number, minor: number, patch?: number];

interface Rule {
  readonly applies: (version: Version, pipelines: readonly Pipeline[]) => boolean;
  readonly severity: Finding['severity'];
  readonly finding: string;
  readonly advice: string;
}

/** Where another names no patch, a patch counts for nothing. */
const isBelow = (version: Version, other: Version): boolean => {
  const place = other.findIndex((part, at) => part !== version[at]);
  return place !== -1 && (version[place] ?? 0) < (other[place] ?? 0);
};
const isFrom = (version: Version, other: Version): boolean => !isBelow(version, other);

const usesQuorum = (pipelines: readonly Pipeline[]): boolean =>
  pipelines.some(({ source }) => source.type === 'quorum');
const waitsInQuorum = (pipelines: readonly Pipeline[]): boolean =>
  pipelines.some(({ source }) => source.type === 'quorum' && source.retryDelaysMs.length > 0);

const RULES: readonly Rule[] = [
  {
    applies: (version, pipelines) => isBelow(version, [3, 8]) && usesQuorum(pipelines),
    severity: 'problem',
    finding: 'has no quorum queues',
    advice: 'use RabbitMQ 3.10 or newer',
  },
  {
    applies: (version, pipelines) => isBelow(version, [3, 10]) && isFrom(version, [3, 8]) && waitsInQuorum(pipelines),
    severity: 'problem',
    finding: 'has no time to live in quorum queues: what waits for its next try would never come back',
    advice: "use RabbitMQ 3.10 or newer, or type: 'classic' with what that weakens",
  },
  {
    applies: (version) => isBelow(version, [4, 0]),
    severity: 'note',
    finding: 'is of a series that gets no more fixes from its community',
    advice: 'plan for RabbitMQ 4: feature flags first, then series by series',
  },
  {
    applies: (version, pipelines) => isFrom(version, [4, 0]) && usesQuorum(pipelines),
    severity: 'note',
    finding:
      'gives quorum queues without a delivery limit one of 20, and drops what was given back more often, by a look too: those that sluice declares, and gives back to, have one of their own',
    advice: 'nothing for these queues; give those that others declared, and people look into, a limit by a policy',
  },
  {
    applies: (version) => isFrom(version, [4, 0]),
    severity: 'note',
    finding: 'ignores "x-death" of a client and keeps no counts in it over republishing',
    advice: 'nothing for sluice, which counts in headers of its own; other consumers of these queues may rely on it',
  },
  {
    applies: (version) => isFrom(version, [4, 1]),
    severity: 'note',
    finding: 'hangs up on clients that ask for frames below 8192 bytes',
    advice: 'nothing for sluice, which refuses such a frameMax in AMQP_URL; proxies and other clients may ask for them',
  },
  {
    applies: ([major, minor, patch]) => ['4.2.6', '4.3.0'].includes(`${major}.${minor}.${patch}`),
    severity: 'warning',
    finding: 'lets only who may configure a queue or exchange look for it: a worker that only looks does not start',
    advice: 'take a later release of the series, where any permission will do, or grant "configure"',
  },
  {
    applies: (version) => isFrom(version, [4, 2, 6]),
    severity: 'note',
    finding: 'asks who looks for a queue or exchange for a permission on it',
    advice: 'give users that only look what "sluice topology" prints: earlier builds printed less',
  },
  {
    applies: (version) => isFrom(version, [4, 3]),
    severity: 'note',
    finding:
      'cancels the one consumer that keeps a delivery of a quorum queue too long, at once, and never one of a classic queue; deliveries that are nacked, or were kept too long, do not count towards the delivery limit',
    advice: 'nothing for sluice, which consumes again and gives back by reject; look for "nack" in other consumers',
  },
  {
    applies: (version, pipelines) => isFrom(version, [4, 3]) && usesQuorum(pipelines),
    severity: 'note',
    finding:
      'hands on messages of quorum queues strictly by priority, 0 to 31: those of a lower one wait for as long as higher ones come',
    advice:
      'nothing without priorities; with them, a queue of its own for what must not wait; messages of one key need one priority where keys are in order',
  },
];

/** Rules are for RabbitMQ: another product is told as what it is. */
export function findingsOfVersion(
  product: string,
  version: string,
  pipelines: readonly Pipeline[],
): readonly Finding[] {
  const [, major, minor, patch = '0'] = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(version) ?? [];
  if (product !== 'RabbitMQ' || major === undefined || minor === undefined) {
    const finding = `is ${product === '' ? 'a broker that does not say what it is' : `${product} ${version}`.trim()}, not RabbitMQ`;
    return [
      { severity: 'note', check: 'version', subject: 'broker', finding, advice: 'rules of versions were not applied' },
    ];
  }
  const subject = `RabbitMQ ${version}`;
  return RULES.filter(({ applies }) => applies([Number(major), Number(minor), Number(patch)], pipelines)).map(
    ({ severity, finding, advice }) => ({ severity, check: 'version', subject, finding, advice }),
  );
}
