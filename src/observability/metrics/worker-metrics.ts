/** The worker itself as numbers: its connection, its journal, the state it is in. */
import type { FactListeners } from '../../events.ts';
import type { Meter } from './meter.ts';

const WORKER_STATES = ['starting', 'running', 'draining', 'stopped'] as const;

export function workerMetrics(meter: Meter): FactListeners {
  const workerState = meter.gauge({
    name: 'sluice_worker_state',
    help: 'The worker: 1 for the state it is in.',
    together: 'max',
    labels: ['state'],
  });
  const connected = meter.gauge({
    name: 'sluice_broker_connected',
    help: 'Whether the broker takes and gives messages: 1, or 0 while it is away or blocked.',
    together: 'min',
  });
  const losses = meter.counter({
    name: 'sluice_broker_connection_losses_total',
    help: 'Times the connection to the broker was lost.',
  });
  const reconnects = meter.counter({
    name: 'sluice_broker_reconnects_total',
    help: 'Times the connection to the broker came back.',
  });
  const journalUp = meter.gauge({
    name: 'sluice_journal_available',
    help: "Whether the journal's store can be asked: 1 or 0.",
    together: 'min',
  });
  const journalTime = meter.seconds({
    name: 'sluice_journal_seconds',
    help: 'Time until the journal had opened an entry or stored a record.',
    labels: ['space', 'asked', 'outcome'],
  });
  const entries = meter.gauge({
    name: 'sluice_journal_entries',
    help: 'Entries of the journal by the kind of their last record: a saga whose last is stuck is stuck.',
    together: 'max',
    labels: ['space', 'name', 'last'],
  });
  const sagas = meter.counter({
    name: 'sluice_saga_moves_total',
    help: 'Moves of sagas: started, stepDone, compensationDone, completed, undone, stuck and so on.',
    labels: ['saga', 'move'],
  });
  const blocked = meter.counter({
    name: 'sluice_event_loop_blocked_total',
    help: 'Turns of the event loop that took longer than a second.',
  });
  let wasConnected = false;
  let wasLost = false;
  /** Label values counted last, so that what is gone by now becomes 0. */
  let counted: readonly (readonly string[])[] = [];

  connected().set(0);
  journalUp().set(1);
  losses().inc(0);
  reconnects().inc(0);
  blocked().inc(0);
  return {
    workerMoved: (fact) => {
      for (const state of WORKER_STATES) workerState(state).set(state === fact.state ? 1 : 0);
    },
    connectionChanged: (fact) => {
      connected().set(fact.state === 'connected' ? 1 : 0);
      if (fact.state === 'lost') losses().inc();
      wasLost ||= fact.state === 'lost' && wasConnected;
      if (fact.state !== 'connected') return;
      if (wasLost) reconnects().inc();
      wasConnected = true;
      wasLost = false;
    },
    journalChanged: (fact) => journalUp().set(fact.state === 'available' ? 1 : 0),
    journalAsked: (fact) =>
      journalTime(fact.space, fact.asked, fact.isDone ? 'done' : 'failed').observeMs(fact.durationMs),
    sagaMoved: (fact) => sagas(fact.saga, fact.move).inc(),
    eventLoopBlocked: () => blocked().inc(),
    journalCounted: (fact) => {
      for (const values of counted) entries(...values).set(0);
      for (const { space, name, lastKind, entries: count } of fact.counts) entries(space, name, lastKind).set(count);
      counted = fact.counts.map(({ space, name, lastKind }) => [space, name, lastKind]);
    },
  };
}
