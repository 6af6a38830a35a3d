/** Publishes the inputs of a chaos run at a steady rate, each once, and notes which of them the broker has confirmed. */
import amqp, { type ChannelModel, type ConfirmChannel } from 'amqplib';
import { type Input, inputOf } from './inputs.ts';

const TICK_MS = 50;
const RECONNECT_MS = 200;
/** A blocked broker confirms nothing: no more than this may pile up. */
const MAX_UNCONFIRMED = 200;

export class Feed {
  readonly #url: string;
  readonly #perTick: number;
  /** What the broker has: each of these must come to its end. */
  readonly confirmed: Input[] = [];
  /** Published without an answer: they may end, or not exist. */
  readonly unknown = new Set<Input>();
  #next = 0;
  #due = 0;
  #connection: ChannelModel | undefined;
  #channel: ConfirmChannel | undefined;
  #ticking: NodeJS.Timeout | undefined;
  #reconnecting: NodeJS.Timeout | undefined;
  #isStopped = false;

  /** @param ratePerSecond Inputs a second while the broker takes them; what it does not take is not made up for. */
  constructor(url: string, ratePerSecond: number) {
    this.#url = url;
    this.#perTick = (ratePerSecond * TICK_MS) / 1_000;
  }

  start(): void {
    void this.#connect();
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Ends it; waits for the confirms that are out. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#ticking);
    clearTimeout(this.#reconnecting);
    try {
      await this.#channel?.waitForConfirms();
    } catch {
      // What it was about is among the unknown.
    }
    await this.#connection?.close().catch(() => {});
  }

  async #connect(): Promise<void> {
    try {
      const connection = await amqp.connect(this.#url, { timeout: 5_000 });
      connection.on('error', () => {});
      connection.on('close', () => {
        this.#channel = undefined;
        this.#reconnect();
      });
      this.#connection = connection;
      const channel = await connection.createConfirmChannel();
      channel.on('error', () => {});
      this.#channel = channel;
    } catch {
      this.#reconnect();
    }
  }

  #reconnect(): void {
    if (this.#isStopped) return;
    clearTimeout(this.#reconnecting);
    this.#reconnecting = setTimeout(() => void this.#connect(), RECONNECT_MS);
  }

  #tick(): void {
    this.#due = Math.min(this.#due + this.#perTick, 10 * this.#perTick + 1);
    while (this.#due >= 1) {
      this.#due--;
      if (this.#channel === undefined || this.unknown.size > MAX_UNCONFIRMED + this.#lost) return;
      this.#publish(this.#channel, inputOf(this.#next++));
    }
  }

  /** Unknown for good: their channel is gone. */
  #lost = 0;

  #publish(channel: ConfirmChannel, input: Input): void {
    this.unknown.add(input);
    const { id, pipeline, body } = input;
    const options = { persistent: true, messageId: id, contentType: 'application/json' };
    try {
      channel.publish('', `chaos.${pipeline}`, Buffer.from(JSON.stringify(body)), options, (error: unknown) => {
        if (error !== null) {
          this.#lost++;
          return;
        }
        this.unknown.delete(input);
        this.confirmed.push(input);
      });
    } catch {
      // The channel has closed meanwhile: nothing was written.
      this.#lost++;
      this.#channel = undefined;
    }
  }
}
