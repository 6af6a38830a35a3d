/** Whether a service can be asked: its circuit lets calls through, and its broker takes requests. */
import { combineLatest, distinctUntilChanged, map, type Observable } from 'rxjs';
import type { Broker, BrokerStatus } from '../broker/broker.ts';
import type { ApiAvailability } from '../http/api-client.ts';

/**
 * The availability by the circuit, but none while the broker blocks publishers, for pipelines that need the service. A connection that is away
 * is none of this: it takes the deliveries with it.
 */
export const whileUnblocked = (
  status: Broker['status'],
  availability: Observable<ApiAvailability>,
): Observable<ApiAvailability> =>
  combineLatest([status.pipe(map(blockOf), distinctUntilChanged()), availability]).pipe(
    map(([reason, state]) => (reason === undefined ? state : { isAvailable: false, reason })),
  );

const blockOf = ({ state, reason = 'no reason given' }: BrokerStatus): string | undefined =>
  state === 'blocked' ? `the broker is blocked: ${reason}` : undefined;
