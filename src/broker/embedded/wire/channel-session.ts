/** One channel of a connection: reads its methods and content, runs them on the model, writes what comes of it. */
import type { BrokerModel } from '../model/broker-model.ts';
import type { Channel, Connection } from '../model/channel.ts';
import type { ConfirmEffect, DeliverEffect, Effect } from '../model/effect.ts';
import { AmqpFault, preconditionFailed } from '../model/fault.ts';
import type { Table } from '../model/field.ts';
import { basicMethods } from './basic-methods.ts';
import type { ByteReader } from './byte-reader.ts';
import type { ChannelMethod, MethodSession } from './channel-method.ts';
import { type Content, ContentAssembler, type PublishArguments } from './content.ts';
import { exchangeMethods } from './exchange-methods.ts';
import { decodeTable } from './field-codec.ts';
import type { FrameWriter } from './frame-writer.ts';
import { FRAME_METHOD, MAX_MESSAGE_BYTES, METHOD } from './protocol.ts';
import { queueMethods } from './queue-methods.ts';

const METHODS: ReadonlyMap<number, ChannelMethod> = new Map([...exchangeMethods, ...queueMethods, ...basicMethods]);

/** What a channel needs of its connection. */
export interface ChannelHost {
  readonly model: BrokerModel;
  readonly connection: Connection;
  readonly writer: FrameWriter;
  readonly read: ByteReader;
  /** Whether the client understands `basic.cancel` from the broker. */
  readonly hearsCancels: boolean;
  /** Something was written: to be flushed soon. */
  wrote(): void;
  end(number: number): void;
  /** Ends the connection with this fault. */
  fail(fault: AmqpFault): void;
}

export class ChannelSession implements MethodSession {
  readonly number: number;
  readonly host: ChannelHost;
  readonly model: BrokerModel;
  readonly channel: Channel;
  readonly writer: FrameWriter;
  /** After `channel.close` from our side, until the client agrees: everything else is ignored. */
  isClosing = false;
  readonly #content: ContentAssembler;
  #firstUnwritten = 0;
  #lastUnwritten = 0;

  constructor(host: ChannelHost, number: number) {
    this.host = host;
    this.number = number;
    this.model = host.model;
    this.writer = host.writer;
    this.channel = host.model.openChannel(host.connection, (effect) => this.#tell(effect));
    this.#content = new ContentAssembler((content) => this.#publish(content));
  }

  get awaitsContent(): boolean {
    return this.#content.isExpecting;
  }

  /**
   * Takes a frame of this channel.
   * @throws AmqpFault as the model or the protocol refuses it.
   */
  frame(type: number, method: number, bytes: Buffer, from: number, to: number): void {
    if (this.isClosing) {
      if (type === FRAME_METHOD) this.#whileClosing(method);
      return;
    }
    if (this.#content.isExpecting || type !== FRAME_METHOD) {
      this.#content.frame(type, bytes, from, to);
      return;
    }
    const read = this.host.read.over(bytes, from + 4, to);
    if (method === METHOD.basicPublish) {
      this.#expectContent(read);
      return;
    }
    const run = METHODS.get(method);
    if (run === undefined) throw new AmqpFault(503, 'unimplemented method');
    run(this, read);
  }

  /** Closes from our side, with a reason. What the client sends until it agrees is ignored. */
  refuse(fault: AmqpFault, method: number): void {
    this.isClosing = true;
    this.#content.reset();
    this.writeConfirms();
    const classId = method >>> 16;
    const methodId = method & 0xffff;
    this.writer.begin(this.number, METHOD.channelClose).short(fault.code).shortString(fault.message);
    this.writer.short(classId).short(methodId).end();
    this.model.closeChannel(this.channel);
  }

  /** The client closes. */
  close(): void {
    this.writeConfirms();
    this.model.closeChannel(this.channel);
    this.reply(METHOD.channelCloseOk).end();
    this.host.end(this.number);
  }

  /** Begins a method of this channel; the caller writes its arguments and ends it. */
  reply(method: number, argumentBytes?: number): FrameWriter {
    this.writeConfirms();
    return this.writer.begin(this.number, method, argumentBytes);
  }

  readTable(read: ByteReader): Table {
    const bytes = read.longBytes();
    return decodeTable(bytes, 0, bytes.length);
  }

  /** Confirms are gathered while frames are read, and written as one: `multiple` up to the last. */
  writeConfirms(): void {
    if (this.#lastUnwritten === 0) return;
    const isMultiple = this.#lastUnwritten > this.#firstUnwritten;
    this.writer.begin(this.number, METHOD.basicAck, 16).longlong(this.#lastUnwritten).flag(isMultiple).end();
    this.#lastUnwritten = 0;
  }

  #whileClosing(method: number): void {
    if (method === METHOD.channelClose) this.writer.begin(this.number, METHOD.channelCloseOk).end();
    if (method === METHOD.channelCloseOk) this.host.end(this.number);
  }

  #expectContent(read: ByteReader): void {
    read.skip(2);
    const exchange = read.shortString();
    const routingKey = read.shortString();
    const flags = read.octet();
    if ((flags & 2) !== 0) throw new AmqpFault(540, 'immediate=true');
    const publish: PublishArguments = { exchange, routingKey, mandatory: (flags & 1) !== 0 };
    this.#content.expect(publish);
  }

  #publish({ exchange, routingKey, mandatory, properties, body, encoded }: Content): void {
    if (body.length > MAX_MESSAGE_BYTES) {
      throw preconditionFailed(`message size ${body.length} is larger than configured max size ${MAX_MESSAGE_BYTES}`);
    }
    this.model.publish(this.channel, { exchange, routingKey, mandatory, properties, body, encoded });
  }

  #tell(effect: Effect): void {
    this.host.wrote();
    switch (effect.kind) {
      case 'deliver':
        this.#deliver(effect);
        break;
      case 'confirm':
        this.#confirm(effect);
        break;
      case 'return': {
        const { exchange, routingKey } = effect.message;
        this.writer.begin(this.number, METHOD.basicReturn).short(effect.code).shortString(effect.text);
        this.writer.shortString(exchange).shortString(routingKey).end();
        this.writer.content(this.number, effect.message);
        break;
      }
      case 'cancel':
        if (!this.host.hearsCancels) break;
        this.writer.begin(this.number, METHOD.basicCancel).shortString(effect.consumerTag).flag(true).end();
        break;
      case 'close':
        if (effect.fault.scope === 'connection') this.host.fail(effect.fault);
        else this.refuse(effect.fault, 0);
        break;
    }
  }

  #deliver({ consumerTag, deliveryTag, redelivered, message }: DeliverEffect): void {
    this.writer.begin(this.number, METHOD.basicDeliver).shortString(consumerTag).longlong(deliveryTag);
    this.writer.flag(redelivered).shortString(message.exchange).shortString(message.routingKey).end();
    this.writer.content(this.number, message);
  }

  #confirm({ publishTag, isAck }: ConfirmEffect): void {
    if (isAck) {
      if (this.#lastUnwritten === 0) this.#firstUnwritten = publishTag;
      this.#lastUnwritten = publishTag;
      return;
    }
    this.writeConfirms();
    this.writer.begin(this.number, METHOD.basicNack, 16).longlong(publishTag).octet(0).end();
  }
}
