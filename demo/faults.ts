/** What goes wrong during the demo, on purpose. */
import type { SampleApis } from './apis/start-sample-apis.ts';

/** Places the faults and says in a line each what they are. */
export function placeFaults(apis: SampleApis): readonly string[] {
  apis.payment.fault({ kind: 'status', status: 503, operation: 'POST /charge', ratio: 0.1, seed: 7 });
  // More failures in a row than a call makes attempts: the message has to wait in the broker.
  apis.payment.fault({
    kind: 'status',
    status: 503,
    operation: 'POST /charge',
    match: { order_id: 'order-5' },
    times: 4,
  });
  // Refused, and so is its undoing: a saga that is stuck until somebody resumes it.
  apis.shipping.fault({ kind: 'status', status: 422, match: { order_id: 'order-3' }, times: 1 });
  apis.inventory.fault({
    kind: 'status',
    status: 422,
    operation: 'POST /restore',
    match: { order_id: 'order-3' },
    times: 1,
  });
  apis.shipping.fault({ kind: 'status', status: 422, ratio: 0.05, seed: 3 });
  apis.email.fault({ kind: 'status', status: 500, ratio: 0.4, seed: 5 });
  apis.linkedin.fault({ kind: 'status', status: 403, ratio: 0.08, seed: 11 });
  apis.vendorB.fault({ kind: 'latency', ms: 2_000, ratio: 0.15, seed: 13 });
  return [
    'payment answers 503 to every tenth charge, and four times in a row to order-5',
    'shipping refuses one order in twenty, and order-3, which inventory refuses to undo: its saga is stuck',
    'the e-mail service fails often',
    'LinkedIn forbids some posts',
    'vendor B is slow now and then: 2 s, where a search has 800 ms',
    'some messages break off in the middle',
  ];
}
