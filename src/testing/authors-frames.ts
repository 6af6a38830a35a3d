/**
 * The stack of a failure cut to what its author wrote: what RxJS, the engine and the runner did in between, scores of lines, is left out. Where
 * nothing of the author's stands on it, the message is all.
 */
import { fileURLToPath } from 'node:url';

const OWN_URL = new URL('..', import.meta.url).href;
const OWN_FOLDER = fileURLToPath(OWN_URL);
/** Of the language, of Node itself, or of a package: no package's name begins with a dot. */
const NOT_AUTHORS = /\(<anonymous>\)$|[( ]node:|[\\/]node_modules[\\/](?!\.)/;

const isAuthors = (frame: string): boolean =>
  !NOT_AUTHORS.test(frame) && !frame.includes(OWN_URL) && !frame.includes(OWN_FOLDER);

/** Of an error whose message has no lines that look like frames. */
export function keepAuthorsFrames(error: Error): void {
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '));
  error.stack = [`${error.name}: ${error.message}`, ...frames.filter(isAuthors)].join('\n');
}
