/** One state for two connections: as bad as the worse of them. */
import { combineLatest, distinctUntilChanged, map, type Observable } from 'rxjs';
import type { BrokerState, BrokerStatus } from '../broker.ts';

const WORST_FIRST: readonly BrokerState[] = ['lost', 'connecting', 'blocked', 'closed', 'connected'];

const rank = ({ state }: BrokerStatus): number => WORST_FIRST.indexOf(state);

/** The state now, then each change. `closed` once all are, and then it completes. */
export function combinedStatus(connections: readonly Observable<BrokerStatus>[]): Observable<BrokerStatus> {
  return combineLatest(connections).pipe(
    map((all) => (all.some(isOpen) ? worstOf(all.filter(isOpen)) : { state: 'closed' as const })),
    distinctUntilChanged((a, b) => a.state === b.state && a.reason === b.reason),
  );
}

const isOpen = ({ state }: BrokerStatus): boolean => state !== 'closed';

function worstOf(all: readonly BrokerStatus[]): BrokerStatus {
  return all.reduce((worst, status) => (rank(status) < rank(worst) ? status : worst));
}
