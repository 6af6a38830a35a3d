/** What is told of anything that was looked at: it is not as it is wanted, could not be compared, or is not for this user. */
import type { Difference } from '../../broker/inspection.ts';
import { UNLIMITED } from '../../broker/source-topology.ts';
import type { TopologyMode } from '../../broker/topology.ts';
import type { Finding } from './finding.ts';

export const mayNot = (subject: string, what: string, permission: 'configure' | 'write' | 'read'): Finding => ({
  severity: 'problem',
  check: 'permissions',
  subject,
  finding: `the broker user may not ${what} it`,
  advice:
    permission === 'configure'
      ? 'grant "configure" on it; or let another user declare it, and this one only look: SLUICE_TOPOLOGY=check'
      : `grant "${permission}" on it; "sluice topology" prints the patterns of a user with nothing too much`,
});

/** What the broker compares it tells only those who may declare. */
export const notCompared = (subject: string, mode: TopologyMode): Finding =>
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
export const unseen = (subject: string, mode: TopologyMode, lacking?: Finding): readonly Finding[] => {
  if (mode === 'check') return [lacking ?? mayNot(subject, 'look at', 'write')];
  return [mayNot(subject, 'declare', 'configure'), ...(lacking === undefined ? [] : [lacking])];
};

/** Of what is missing, where a worker may declare. */
export const DECLARED_AT_START =
  'nothing: a worker declares it at its start; one that runs already does not: "sluice topology --apply"';

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

export function different(
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
