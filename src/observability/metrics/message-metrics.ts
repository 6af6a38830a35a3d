/** What becomes of messages, as numbers: labels are names of pipelines and codes of errors, both of this program's making. */
import type { FactListeners } from '../../events.ts';
import type { Count, Times } from './counts.ts';
import type { Meter } from './meter.ts';

/**
 * The last message of a queue that nothing comes into any more would be old for ever, and an alert about it, too. While one is in flight the others may
 * wait for its slot: the queue is as old as it was.
 */
const AGE_TOLD_FOR_MS = 5 * 60_000;

type Books = () => Readonly<Record<string, Readonly<Record<string, number>>>>;

export function messageMetrics(meter: Meter, now: () => number, ledgers: Books): FactListeners {
  const deliveries = meter.counter({
    name: 'sluice_deliveries_total',
    help: 'Deliveries that came in.',
    labels: ['pipeline', 'redelivered'],
  });
  const bytes = meter.counter({
    name: 'sluice_delivered_bytes_total',
    help: 'Bytes of the bodies that came in.',
    labels: ['pipeline'],
  });
  const settlements = meter.counter({
    name: 'sluice_settlements_total',
    help: 'Deliveries settled, by what became of them and the code of what failed.',
    labels: ['pipeline', 'settlement', 'code'],
  });
  const late = meter.counter({
    name: 'sluice_late_settlements_total',
    help: 'Settlements whose channel had gone: the broker delivers these messages again.',
    labels: ['pipeline'],
  });
  const delayed = meter.counter({
    name: 'sluice_settlement_delays_total',
    help: 'Settlements that had to wait because what they publish was not confirmed.',
    labels: ['pipeline', 'settlement'],
  });
  meter.reading(
    {
      name: 'sluice_queue_age_seconds',
      help: "Age of the message that came in last, when it did, by its publisher's timestamp; absent where messages have none, and where none is in flight and none has come for five minutes.",
      together: 'max',
      labels: ['pipeline'],
    },
    function* () {
      const since = now() - AGE_TOLD_FOR_MS;
      const books = ledgers();
      for (const [pipeline, { age }] of usual)
        if (age !== undefined && (age.at >= since || (books[pipeline]?.inFlight ?? 0) > 0))
          yield [[pipeline], age.ms / 1_000];
    },
  );
  const slotWait = meter.seconds({
    name: 'sluice_slot_wait_seconds',
    help: 'Time from delivery until the handle starts.',
    labels: ['pipeline'],
  });
  const processing = meter.seconds({
    name: 'sluice_processing_seconds',
    help: 'Time from delivery to settlement.',
    labels: ['pipeline', 'settlement'],
  });
  const published = meter.counter({
    name: 'sluice_published_total',
    help: 'Results confirmed by the broker.',
    labels: ['pipeline'],
  });
  const confirm = meter.seconds({
    name: 'sluice_publish_confirm_seconds',
    help: 'Time from the publish of a result to its confirm.',
    labels: ['pipeline'],
  });
  const consuming = meter.gauge({
    name: 'sluice_intake_consuming',
    help: 'Whether the pipeline takes messages: 1, or 0 while it is paused or stopped.',
    together: 'max',
    labels: ['pipeline'],
  });
  const prefetch = meter.gauge({
    name: 'sluice_intake_prefetch',
    help: 'Unsettled deliveries the broker may have out.',
    labels: ['pipeline'],
  });
  const fed = meter.counter({
    name: 'sluice_fed_total',
    help: 'Messages a source has put into its own queue.',
    labels: ['pipeline'],
  });
  const feedingDelays = meter.counter({
    name: 'sluice_feeding_delays_total',
    help: 'Times a source could not feed its queue and had to try again.',
    labels: ['pipeline', 'code'],
  });

  const usual = new Map<string, UsualCounts>();
  const usualOf = (pipeline: string): UsualCounts => {
    const known = usual.get(pipeline);
    if (known !== undefined) return known;
    const counts: UsualCounts = {};
    usual.set(pipeline, counts);
    return counts;
  };

  return {
    delivered: ({ at, pipeline, redelivered, bytes: size, publishedAt }) => {
      const counts = usualOf(pipeline);
      if (redelivered) deliveries(pipeline, 'yes').inc();
      else {
        counts.first ??= deliveries(pipeline, 'no');
        counts.first.inc();
      }
      counts.bytes ??= bytes(pipeline);
      counts.bytes.inc(size);
      if (publishedAt === undefined) return;
      counts.age ??= { at, ms: 0 };
      counts.age.at = at;
      counts.age.ms = Math.max(0, at - publishedAt);
    },
    slotTaken: ({ pipeline, waitedMs }) => {
      const counts = usualOf(pipeline);
      counts.slotWait ??= slotWait(pipeline);
      counts.slotWait.observeMs(waitedMs);
    },
    settled: ({ pipeline, settlement, code, late: isLate, durationMs }) => {
      const counts = usualOf(pipeline);
      if (settlement === 'ack' && code === undefined) {
        counts.acked ??= settlements(pipeline, 'ack', '');
        counts.acked.inc();
        counts.ackedTimes ??= processing(pipeline, 'ack');
        counts.ackedTimes.observeMs(durationMs);
      } else {
        settlements(pipeline, settlement, code ?? '').inc();
        processing(pipeline, settlement).observeMs(durationMs);
      }
      if (isLate) late(pipeline).inc();
    },
    settlementDelayed: (fact) => delayed(fact.pipeline, fact.settlement).inc(),
    published: ({ pipeline, confirmedMs }) => {
      const counts = usualOf(pipeline);
      counts.published ??= published(pipeline);
      counts.published.inc();
      counts.confirm ??= confirm(pipeline);
      counts.confirm.observeMs(confirmedMs);
    },
    intakeChanged: (fact) => {
      consuming(fact.pipeline).set(fact.state === 'consuming' ? 1 : 0);
      if (fact.prefetch !== undefined) prefetch(fact.pipeline).set(fact.prefetch);
    },
    fed: (fact) => fed(fact.pipeline).inc(fact.messages),
    feedingDelayed: (fact) => feedingDelays(fact.pipeline, fact.code).inc(),
  };
}

/** What nearly every message of a pipeline counts into, so that it is not looked for by its labels each time. Made when first counted: a label nobody has is not shown. */
interface UsualCounts {
  first?: Count;
  bytes?: Count;
  age?: { at: number; ms: number };
  slotWait?: Times;
  acked?: Count;
  ackedTimes?: Times;
  published?: Count;
  confirm?: Times;
}
