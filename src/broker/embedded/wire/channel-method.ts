/** A method a client may call on a channel, and what it needs of the channel to run and to answer. */
import type { BrokerModel } from '../model/broker-model.ts';
import type { Channel } from '../model/channel.ts';
import type { Table } from '../model/field.ts';
import type { ByteReader } from './byte-reader.ts';
import type { FrameWriter } from './frame-writer.ts';

export interface MethodSession {
  readonly number: number;
  readonly model: BrokerModel;
  readonly channel: Channel;
  readonly writer: FrameWriter;
  /** Begins a method of this channel; the caller writes its arguments and ends it. */
  reply(method: number): FrameWriter;
  readTable(read: ByteReader): Table;
  /** The client closes the channel. */
  close(): void;
}

export type ChannelMethod = (session: MethodSession, read: ByteReader) => void;
