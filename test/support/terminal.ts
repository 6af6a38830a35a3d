/**
 * A pseudo-terminal with a command in it, as `script` of util-linux makes one, and what a person would see there: enough of a terminal for
 * what sluice writes. What it does not know is a failure, so that no test takes for shown what a terminal would not show.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.ts';
import { guard } from './guarded-child.ts';
import { type Availability, defineService, describeWith, type Service } from './services.ts';

const BIN = fileURLToPath(new URL('../../bin/sluice.js', import.meta.url));
const SCRIPT = '/usr/bin/script';
const ESCAPE = '\u001b';
/** A sequence may come in two parts. */
const BROKEN = new RegExp(`${ESCAPE}(\\[[?\\d;]*)?$`);
const SEQUENCE_OR_CHARACTER = new RegExp(`${ESCAPE}\\[[?\\d;]*[A-Za-z]|.`, 'gsu');

export interface Terminal {
  /** Lines of the window, without spaces at their ends. */
  lines(): readonly string[];
  readonly cursor: { readonly row: number; readonly column: number; readonly isVisible: boolean };
  /** Whether the window is the second one, that programs take for themselves. */
  readonly isAlternate: boolean;
  /** Presses keys: `\u0003` is Ctrl-C. */
  press(keys: string): void;
  /** Waits until the window shows it. */
  shows(what: RegExp): Promise<void>;
  /** Exit code of the command. */
  readonly exit: Promise<number | null>;
  kill(): void;
}

/** Runs `sluice` with these arguments in a window of this size. Before it `before` stands there; after it, the settings of the terminal, as `stty -g` tells them, before and after. */
export function openTerminal(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  { columns, rows }: { readonly columns: number; readonly rows: number },
): Terminal {
  const quoted = [process.execPath, BIN, ...args].map((word) => `'${word}'`).join(' ');
  const command = `stty cols ${columns} rows ${rows}; trap : INT; echo before; was=$(stty -g); ${quoted}; code=$?; [ "$was" = "$(stty -g)" ] && echo "as it was"; exit $code`;
  const child = spawn(SCRIPT, ['-qfec', command, '/dev/null'], {
    env: { PATH: process.env.PATH, TERM: 'xterm', SHELL: '/bin/sh', NO_COLOR: '1', SLUICE_PORT: '0', ...environment },
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  guard(child);
  const screen = new Screen(columns, rows);
  child.stdout.setEncoding('utf8').on('data', (text: string) => screen.write(text));
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    lines: () => screen.lines(),
    get cursor() {
      return screen.cursor;
    },
    get isAlternate() {
      return screen.isAlternate;
    },
    press: (keys) => void child.stdin.write(keys),
    shows: (what) =>
      eventually(
        () => `the terminal to show ${what}; it shows:\n${screen.lines().join('\n')}`,
        () => what.test(screen.lines().join('\n')),
      ),
    exit,
    kill: () => {
      if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    },
  };
}

class Screen {
  readonly #columns: number;
  readonly #rows: number;
  #window: string[][];
  #other: string[][];
  #row = 0;
  #column = 0;
  #rest = '';
  #isVisible = true;
  #saved = { row: 0, column: 0 };
  isAlternate = false;

  constructor(columns: number, rows: number) {
    this.#columns = columns;
    this.#rows = rows;
    this.#window = this.#empty();
    this.#other = this.#empty();
  }

  get cursor() {
    return { row: this.#row, column: this.#column, isVisible: this.#isVisible };
  }

  lines(): string[] {
    return this.#window.map((line) => line.join('').trimEnd());
  }

  write(text: string): void {
    const all = this.#rest + text;
    const broken = BROKEN.exec(all)?.[0] ?? '';
    this.#rest = broken;
    for (const [part] of all.slice(0, all.length - broken.length).matchAll(SEQUENCE_OR_CHARACTER)) this.#take(part);
  }

  #take(part: string): void {
    if (part === '\r') this.#column = 0;
    else if (part === '\n') this.#down();
    else if (part.startsWith(ESCAPE)) this.#obey(part.slice(2));
    else {
      if (part < ' ') throw new Error(`a terminal that knows no ${JSON.stringify(part)}`);
      if (this.#column === this.#columns) {
        this.#column = 0;
        this.#down();
      }
      this.#put(this.#row, this.#column++, part);
    }
  }

  #obey(sequence: string): void {
    const line = this.#window[this.#row];
    switch (sequence) {
      case 'H':
        [this.#row, this.#column] = [0, 0];
        break;
      case 'K':
        line?.fill(' ', this.#column);
        break;
      case '2K':
        line?.fill(' ');
        break;
      case 'J':
        line?.fill(' ', this.#column);
        for (const below of this.#window.slice(this.#row + 1)) below.fill(' ');
        break;
      case '?25l':
      case '?25h':
        this.#isVisible = sequence === '?25h';
        break;
      case '?1049h':
        this.#saved = { row: this.#row, column: this.#column };
        [this.#window, this.#other] = [this.#empty(), this.#window];
        this.isAlternate = true;
        break;
      case '?1049l':
        this.#window = this.#other;
        ({ row: this.#row, column: this.#column } = this.#saved);
        this.isAlternate = false;
        break;
      default:
        if (!/^[\d;]*m$/.test(sequence)) throw new Error(`a terminal that knows no ${JSON.stringify(sequence)}`);
    }
  }

  #down(): void {
    if (this.#row < this.#rows - 1) this.#row++;
    else this.#window = [...this.#window.slice(1), this.#line()];
  }

  #put(row: number, column: number, character: string): void {
    const line = this.#window[row];
    if (line !== undefined) line[column] = character;
  }

  #line(): string[] {
    return new Array<string>(this.#columns).fill(' ');
  }

  #empty(): string[][] {
    return Array.from({ length: this.#rows }, () => this.#line());
  }
}

function available(): Availability {
  if (existsSync(SCRIPT)) return { available: true };
  return { available: false, reason: `there is no ${SCRIPT}`, install: 'run `apt-get install bsdutils`' };
}

const service: Service<undefined> = defineService({
  name: 'a pseudo-terminal',
  availability: available,
  start: async () => undefined,
  stop: async () => undefined,
});

/** A mocha suite that needs pseudo-terminals. */
export const describeWithTerminal = (title: string, body: () => void): void =>
  describeWith(service, title, body, { startsOwn: true });
