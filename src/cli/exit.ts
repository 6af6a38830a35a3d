/** The end of a command: when it is done the process ends, whatever timers and promises the user's modules have left behind. */
import { EXIT } from './exit-code.ts';

/** Why what was printed is not all where it should be. */
let lost: Error | undefined;

/**
 * A reader that leaves before the end (`| head`) has what it wanted: the command goes on to its own end, and what it does is done as a whole. Anything
 * else, a full disk say, fails it.
 */
export function watchOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') lost ??= error;
  });
  // Nobody is left to tell.
  process.stderr.on('error', () => {});
}

/** Never resolves: the process ends once what was printed has been handed over. */
export async function exit(code: number): Promise<never> {
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  if (lost === undefined) process.exit(code);
  console.error(`✗ not all of the output could be written: ${lost.message}`);
  process.exit(code === EXIT.ok ? EXIT.failed : code);
}

/** A pipe nobody reads any more has nothing to wait for. */
const flushed = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => {
    stream.once('error', () => resolve());
    stream.write('', () => resolve());
  });
