/** Prometheus' own checker, a second opinion beside the checks of the specs. A command, not a server: there is nothing to start. */
import { spawnSync } from 'node:child_process';
import { defineService } from './services.ts';

const NAME = 'promtool';

export const promtool = defineService<string>({
  name: NAME,
  availability: () =>
    spawnSync(NAME, ['--version'], { stdio: 'ignore' }).status === 0
      ? { available: true }
      : { available: false, reason: `there is no ${NAME}`, install: 'apt-get install prometheus' },
  start: () => Promise.resolve(NAME),
  stop: () => Promise.resolve(),
});
