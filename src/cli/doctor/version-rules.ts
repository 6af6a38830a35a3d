/** What the version of a broker means for the pipelines that are to run on it. From RabbitMQ's release notes and documentation. Pure. */
import type { Pipeline } from '../../pipeline/pipeline.ts';
import type { Finding } from './finding.ts';

type Version = readonly [major: number, minor: number];

interface Rule {
  readonly applies: (version: Version, pipelines: readonly Pipeline[]) => boolean;
  readonly severity: Finding['severity'];
  readonly finding: string;
  readonly advice: string;
}

const isBelow = ([major, minor]: Version, [otherMajor, otherMinor]: Version): boolean =>
  major < otherMajor || (major === otherMajor && minor < otherMinor);
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
    applies: (version) => isFrom(version, [4, 3]),
    severity: 'note',
    finding:
      'cancels the one consumer that keeps a delivery too long, and counts only rejected deliveries towards the delivery limit',
    advice: 'nothing for sluice, which consumes again and gives back by reject; look for "nack" in other consumers',
  },
];

/** Rules are for RabbitMQ: another product is told as what it is. */
export function findingsOfVersion(
  product: string,
  version: string,
  pipelines: readonly Pipeline[],
): readonly Finding[] {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  if (product !== 'RabbitMQ' || major === undefined || minor === undefined) {
    const finding = `is ${product === '' ? 'a broker that does not say what it is' : `${product} ${version}`.trim()}, not RabbitMQ`;
    return [
      { severity: 'note', check: 'version', subject: 'broker', finding, advice: 'rules of versions were not applied' },
    ];
  }
  const subject = `RabbitMQ ${version}`;
  return RULES.filter(({ applies }) => applies([Number(major), Number(minor)], pipelines)).map(
    ({ severity, finding, advice }) => ({ severity, check: 'version', subject, finding, advice }),
  );
}
