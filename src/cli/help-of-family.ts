/** A command of several: what their common help says once, each of them points at. */
import type { Command } from 'commander';

export function pointAtFamily(family: Command): Command {
  for (const member of family.commands)
    member.addHelpText('after', `\nExamples, environment and exit codes: sluice ${family.name()} --help`);
  return family;
}
