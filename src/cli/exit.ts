/** The end of a command: when it is done the process ends, whatever timers and promises the user's modules have left behind. */

/** Never resolves: the process ends once what was printed has been handed over. */
export async function exit(code: number): Promise<never> {
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  process.exit(code);
}

/** A pipe nobody reads any more has nothing to wait for. */
const flushed = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => {
    stream.once('error', () => resolve());
    stream.write('', () => resolve());
  });
