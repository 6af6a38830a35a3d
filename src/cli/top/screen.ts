/** The whole terminal for a while: a picture that is drawn over the one before, and gives way to what stood there when it is closed. */

/** What is asked of a terminal. */
export interface Drawable {
  readonly columns: number;
  readonly rows: number;
  write(text: string): unknown;
}

export interface Screen {
  /** Cut to the window as it is now. */
  show(text: string): void;
  /** Idempotent. */
  close(): void;
}

const ESCAPE = '\u001b';
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const ERASE_REST_OF_LINE = '\u001b[K';
const ERASE_BELOW = '\u001b[J';
const PLAIN = '\u001b[0m';
const COLOUR_OR_CHARACTER = new RegExp(`${ESCAPE}\\[[\\d;]*m|.`, 'gsu');

export function openScreen(terminal: Drawable): Screen {
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    process.off('exit', close);
    terminal.write(LEAVE);
  };
  // However the process ends.
  process.on('exit', close);
  terminal.write(ENTER);
  return {
    show: (text) => {
      if (!isOpen) return;
      const lines = fitted(text.trimEnd().split('\n'), terminal);
      terminal.write(`${HOME}${lines.join(`${ERASE_REST_OF_LINE}\r\n`)}${ERASE_REST_OF_LINE}${ERASE_BELOW}`);
    },
    close,
  };
}

/** The lines that have room, each as far as it has. Pure. */
export function fitted(lines: readonly string[], { columns, rows }: Pick<Drawable, 'columns' | 'rows'>): string[] {
  const shown = lines.length <= rows ? lines : lines.slice(0, rows - 1);
  const hidden = lines.length - shown.length;
  const all = hidden === 0 ? shown : [...shown, `… ${hidden} more`];
  return all.map((line) => cut(line, columns));
}

/** Colours take no room. */
function cut(line: string, columns: number): string {
  let room = columns;
  let text = '';
  for (const [part] of line.matchAll(COLOUR_OR_CHARACTER)) {
    if (part.startsWith(ESCAPE)) text += part;
    else if (room === 0) return `${text}${PLAIN}`;
    else {
      text += part;
      room--;
    }
  }
  return text;
}
