/** What the model asks a face to tell a client: plain data, in the order in which it must reach the channel. */
import type { AmqpFault } from './fault.ts';
import type { Message } from './message.ts';

/** The channel an effect is for. */
export interface Recipient {
  readonly isOpen: boolean;
  receive(effect: Effect): void;
}

export interface DeliverEffect {
  readonly kind: 'deliver';
  readonly channel: Recipient;
  readonly consumerTag: string;
  readonly deliveryTag: number;
  readonly redelivered: boolean;
  readonly queue: string;
  readonly message: Message;
}

export interface ConfirmEffect {
  readonly kind: 'confirm';
  readonly channel: Recipient;
  readonly publishTag: number;
  readonly isAck: boolean;
}

export interface ReturnEffect {
  readonly kind: 'return';
  readonly channel: Recipient;
  /** Of the confirm that follows; undefined where none was asked for. */
  readonly publishTag: number | undefined;
  readonly code: number;
  readonly text: string;
  readonly message: Message;
}

export interface CancelEffect {
  readonly kind: 'cancel';
  readonly channel: Recipient;
  readonly consumerTag: string;
}

/** The broker ends a channel or, where the fault says so, its connection. */
export interface CloseEffect {
  readonly kind: 'close';
  readonly channel: Recipient;
  readonly fault: AmqpFault;
}

export type Effect = DeliverEffect | ConfirmEffect | ReturnEffect | CancelEffect | CloseEffect;
