/** How far a long command is, on stderr: one line that changes on a terminal, one every few seconds elsewhere. */
import { asyncScheduler } from 'rxjs';

const TERMINAL_EVERY_MS = 200;
const ELSEWHERE_EVERY_MS = 5_000;

export class Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #everyMs: number;
  #lastAt: number;
  #isLineOpen = false;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
    this.#everyMs = stream.isTTY ? TERMINAL_EVERY_MS : ELSEWHERE_EVERY_MS;
    this.#lastAt = asyncScheduler.now();
  }

  /** Says it, unless something was said just now. */
  say(text: () => string): void {
    const now = asyncScheduler.now();
    if (now - this.#lastAt < this.#everyMs) return;
    this.#lastAt = now;
    if (this.#stream.isTTY) this.#stream.write(`\r\u001b[K${text()}`);
    else this.#stream.write(`${text()}\n`);
    this.#isLineOpen = this.#stream.isTTY;
  }

  /** Clears the line that changes. */
  end(): void {
    if (this.#isLineOpen) this.#stream.write('\r\u001b[K');
    this.#isLineOpen = false;
  }
}
