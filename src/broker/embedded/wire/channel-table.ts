/** The channels of one connection, by number: which are open, and which of them a frame belongs to. */
import { channelError } from '../model/fault.ts';
import { type ChannelHost, ChannelSession } from './channel-session.ts';
import { FRAME_METHOD, METHOD } from './protocol.ts';

export class ChannelTable {
  readonly #host: ChannelHost;
  readonly #channels = new Map<number, ChannelSession>();

  constructor(host: ChannelHost) {
    this.#host = host;
  }

  get(number: number): ChannelSession | undefined {
    return this.#channels.get(number);
  }

  /** Between `basic.publish` and its last body frame on that channel. */
  awaitsContent(number: number): boolean {
    return this.#channels.get(number)?.awaitsContent === true;
  }

  /** Hands a frame to its channel, or opens one. @throws AmqpFault as the channel does; 504 where none is open. */
  frame(number: number, type: number, method: number, bytes: Buffer, from: number, to: number): void {
    const channel = this.#channels.get(number);
    if (channel !== undefined) {
      channel.frame(type, method, bytes, from, to);
    } else if (type === FRAME_METHOD && method === METHOD.channelOpen) {
      this.#channels.set(number, new ChannelSession(this.#host, number));
      this.#host.writer.begin(number, METHOD.channelOpenOk).long(0).end();
    } else {
      throw channelError(`expected 'channel.open'`);
    }
  }

  writeConfirms(): void {
    for (const channel of this.#channels.values()) channel.writeConfirms();
  }

  /** Stops deliveries to all channels, or lets them flow again. */
  setPaused(isPaused: boolean): void {
    for (const { channel, isClosing, model } of this.#channels.values()) {
      if (!isClosing) model.setPaused(channel, isPaused);
    }
  }

  delete(number: number): void {
    this.#channels.delete(number);
  }

  clear(): void {
    this.#channels.clear();
  }
}
