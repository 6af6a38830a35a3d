/** A shell whose completion sluice writes: it says whether the script is one. A command, there is nothing to start. */
import { spawnSync } from 'node:child_process';
import { defineService } from './services.ts';

const NAME = 'zsh';

export const zsh = defineService<string>({
  name: NAME,
  availability: () =>
    spawnSync(NAME, ['--version'], { stdio: 'ignore' }).status === 0
      ? { available: true }
      : { available: false, reason: `there is no ${NAME}`, install: 'apt-get install zsh' },
  start: () => Promise.resolve(NAME),
  stop: () => Promise.resolve(),
});
