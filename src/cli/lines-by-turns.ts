/** Lines of which some may wait for the end of the running turn of the event loop, and leave in their order all the same. */
export interface Lines {
  /** Writes lines, each with its end, and before them what waits. */
  write(text: string): void;
  /**
   * The same at the end of the turn, or before it where something is written at once or the process exits. Only a process that is killed, or
   * crashes without an exit, loses them.
   */
  writeSoon(text: string): void;
}

export function linesByTurns(writeOut: (text: string) => void): Lines {
  let waiting = '';
  const write = (text: string): void => {
    const all = waiting + text;
    waiting = '';
    if (all !== '') writeOut(all);
  };
  const pushOut = (): void => write('');
  let isExiting = false;
  process.once('exit', () => {
    isExiting = true;
    pushOut();
  });

  return {
    write,
    writeSoon: (text) => {
      // No turn comes after this one for whoever says something at the exit itself.
      if (isExiting) return write(text);
      if (waiting === '') setImmediate(pushOut);
      waiting += text;
    },
  };
}
