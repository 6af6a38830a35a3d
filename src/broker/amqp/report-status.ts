/** Tells listeners of the facts, and the log, what the connections are doing. */
import { asyncScheduler, type Observable } from 'rxjs';
import type { Facts } from '../../events.ts';
import type { BrokerStatus } from '../broker.ts';
import type { OutageLog } from './outage-log.ts';

export function reportStatus(status: Observable<BrokerStatus>, outage: OutageLog, facts: Facts | undefined): void {
  status.subscribe(({ state, reason }) => {
    if (state === 'connected') outage.recovered();
    if (state === 'blocked') outage.blocked(reason);
    if (facts?.isHeard.connectionChanged !== true) return;
    const at = asyncScheduler.now();
    facts.report({ type: 'connectionChanged', at, state, ...(reason === undefined ? {} : { reason }) });
  });
}
