/** Prometheus' own checker, where it is installed (Debian: the package prometheus): a second opinion beside the checks of the specs. */
import { spawnSync } from 'node:child_process';

const NAME = 'promtool';

export const promtool = spawnSync(NAME, ['--version'], { stdio: 'ignore' }).status === 0 ? NAME : undefined;
