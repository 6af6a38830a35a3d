/** What becomes of messages, as numbers: labels are names of pipelines and codes of errors, both of this program's making. */
import type { Fact } from '../../events.ts';
import type { Meter } from './meter.ts';

export function messageMetrics(meter: Meter): (fact: Fact) => void {
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
  const age = meter.gauge({
    name: 'sluice_queue_age_seconds',
    help: "Age of the message that came in last, by its publisher's timestamp; absent where messages have none.",
    together: 'max',
    labels: ['pipeline'],
  });
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

  return (fact) => {
    switch (fact.type) {
      case 'delivered':
        deliveries(fact.pipeline, fact.redelivered ? 'yes' : 'no').inc();
        bytes(fact.pipeline).inc(fact.bytes);
        if (fact.publishedAt !== undefined) age(fact.pipeline).set(Math.max(0, fact.at - fact.publishedAt) / 1_000);
        break;
      case 'slotTaken':
        slotWait(fact.pipeline).observeMs(fact.waitedMs);
        break;
      case 'settled':
        settlements(fact.pipeline, fact.settlement, fact.code ?? '').inc();
        processing(fact.pipeline, fact.settlement).observeMs(fact.durationMs);
        if (fact.late) late(fact.pipeline).inc();
        break;
      case 'settlementDelayed':
        delayed(fact.pipeline, fact.settlement).inc();
        break;
      case 'published':
        published(fact.pipeline).inc();
        confirm(fact.pipeline).observeMs(fact.confirmedMs);
        break;
      case 'intakeChanged':
        consuming(fact.pipeline).set(fact.state === 'consuming' ? 1 : 0);
        if (fact.prefetch !== undefined) prefetch(fact.pipeline).set(fact.prefetch);
        break;
      case 'fed':
        fed(fact.pipeline).inc(fact.messages);
        break;
      case 'feedingDelayed':
        feedingDelays(fact.pipeline, fact.code).inc();
        break;
      default:
        break;
    }
  };
}
