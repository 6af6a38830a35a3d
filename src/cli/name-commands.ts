/** A name that no command has, given to a family of commands or to its `help`: it is told, and beside it what there is. */
import { Command } from 'commander';
import { EXIT } from './exit-code.ts';

/** Of this command and of all below it that have commands of their own. Call it when all of them are added. */
export function nameCommands(family: Command): void {
  if (family.commands.length === 0) return;
  for (const member of family.commands) nameCommands(member);
  family.helpCommand(false).addCommand(helpOf(family));
  family.on('command:*', ([name = '']: readonly string[]) => refuse(family, name));
}

const helpOf = (family: Command): Command =>
  new Command('help')
    .description('display help for command')
    .argument('[command...]', 'which one, and of a family which of its members: dlq, or dlq retry')
    .action((names: readonly string[]) => {
      const asked = names.reduce(
        (found, name) => found.commands.find((command) => command.name() === name) ?? refuse(found, name),
        family,
      );
      asked.help();
    });

function refuse(family: Command, name: string): never {
  const path = [];
  for (let one: Command | null = family; one !== null; one = one.parent) path.unshift(one.name());
  const there = family.commands.map((command) => command.name());
  const what = there.length === 0 ? 'it has no commands' : `there are ${there.join(', ')}`;
  return family.error(`error: ${path.join(' ')} has no command '${name}': ${what}`, { exitCode: EXIT.misconfigured });
}
