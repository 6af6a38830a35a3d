/**
 * Topology that is asserted stays asserted: a broker that came back empty gets it again before any consumer returns.
 * Hands on the links of the consume connection, each only when that is done.
 */
import {
  BehaviorSubject,
  catchError,
  filter,
  from,
  ignoreElements,
  map,
  NEVER,
  type Observable,
  switchMap,
  take,
  tap,
  throwIfEmpty,
} from 'rxjs';
import { BrokerUnavailableError, messageOf, TopologyError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { Topology, TopologyMode } from '../topology.ts';
import { establishTopology, SideBySide } from './establish-topology.ts';
import { reasonOf } from './failures.ts';
import type { DefectListener } from './guarded.ts';
import type { Link } from './link.ts';

export interface StandingTopology {
  /** The link on which topology stands, or undefined: now, then each change. Completes with its source. */
  readonly links: Observable<Link | undefined>;
  /** See `Broker.establish`. */
  establish(topology: Topology, mode: TopologyMode): Observable<never>;
}

export function standingTopology(
  source: Observable<Link | undefined>,
  log: Logger,
  onDefect: DefectListener,
): StandingTopology {
  const links = new BehaviorSubject<Link | undefined>(undefined);
  const asserted = new Map<string, Topology>();
  const sideBySide = new SideBySide();
  let latest: Link | undefined;

  const declareOn = async (link: Link, topology: Topology, mode: TopologyMode): Promise<void> => {
    try {
      await establishTopology(link, topology, mode, onDefect, sideBySide);
    } catch (error) {
      if (!link.isOpen) sideBySide.halved(reasonOf(error));
      throw error;
    }
  };

  const assertAgain = async (link: Link): Promise<void> => {
    for (const topology of asserted.values()) {
      try {
        await declareOn(link, topology, 'assert');
      } catch (error) {
        if (!link.isOpen) return;
        // Consumers of other queues can work; one whose queue is missing says so itself.
        log.error({ reason: messageOf(error) }, 'topology was not asserted again after the reconnect');
      }
    }
    if (latest === link && link.isOpen) links.next(link);
  };

  source.subscribe({
    next(link) {
      latest = link;
      if (link === undefined) links.next(undefined);
      else if (asserted.size === 0) links.next(link);
      else void assertAgain(link);
    },
    complete: () => links.complete(),
  });

  return {
    links,
    establish: (topology, mode) =>
      source.pipe(
        filter((link) => link !== undefined),
        // On a link that goes meanwhile it is left; the next link begins anew.
        switchMap((link) =>
          from(declareOn(link, topology, mode)).pipe(
            map(() => link),
            catchError((error: unknown) => {
              if (link.isOpen || error instanceof TopologyError) throw error;
              return NEVER;
            }),
          ),
        ),
        take(1),
        throwIfEmpty(() => new BrokerUnavailableError('the broker is closed')),
        tap(() => {
          if (mode === 'assert') asserted.set(JSON.stringify(topology), topology);
        }),
        ignoreElements(),
      ),
  };
}
