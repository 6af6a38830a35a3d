/**
 * Before tsc, which looks at what has changed alone: where a module's types are missing from dist it forgets what it built, and builds all of them. It would
 * never miss them by itself.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Those of the page are its own. */
const PAGE = join('dashboard', 'page');

const isMissing = (file) =>
  file.endsWith('.ts') && !file.startsWith(PAGE) && !existsSync(join('dist', file.replace(/\.ts$/, '.d.ts')));

if (readdirSync('src', { recursive: true }).some(isMissing)) rmSync('dist/.tsbuildinfo', { force: true });
