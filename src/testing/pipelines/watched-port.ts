/** The broker port between worker and broker, watched: every delivery, every confirmed publish. */
import { defer, map, tap } from 'rxjs';
import type { Broker } from '../../broker/broker.ts';
import type { Delivery } from '../../message/delivery.ts';
import type { OutgoingMessage } from '../../message/outgoing.ts';

export interface PortWatch {
  /** Told of each, and gives back what the worker gets. */
  readonly receive: (delivery: Delivery) => Delivery;
  readonly beforePublish: (message: OutgoingMessage) => void;
  readonly onConfirmed: (message: OutgoingMessage) => void;
}

export const watchedPort = (port: Broker, { receive, beforePublish, onConfirmed }: PortWatch): Broker => ({
  address: port.address,
  status: port.status,
  establish: (topology, mode) => port.establish(topology, mode),
  consume: (queue, options) => port.consume(queue, options).pipe(map(receive)),
  depthOf: (queue) => port.depthOf(queue),
  publish: (message) =>
    defer(() => {
      beforePublish(message);
      return port.publish(message);
    }).pipe(tap({ complete: () => onConfirmed(message) })),
  close: (options) => port.close(options),
});
