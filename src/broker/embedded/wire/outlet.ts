/** The way out of a connection: to the socket, or into a store while the connection is frozen. */
import type { Socket } from 'node:net';

export class Outlet {
  readonly #socket: Socket;
  #withheld: Buffer[] | undefined;
  #sent = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Pieces sent so far, those withheld included. */
  get sent(): number {
    return this.#sent;
  }

  /** Bytes the client has not taken yet. */
  get waitingBytes(): number {
    return this.#socket.writableLength;
  }

  send(bytes: Buffer): void {
    this.#sent++;
    if (this.#withheld !== undefined) this.#withheld.push(bytes);
    else if (this.#socket.writable) this.#socket.write(bytes);
  }

  freeze(): void {
    this.#withheld ??= [];
  }

  thaw(): void {
    const withheld = this.#withheld ?? [];
    this.#withheld = undefined;
    for (const bytes of withheld) if (this.#socket.writable) this.#socket.write(bytes);
  }
}
