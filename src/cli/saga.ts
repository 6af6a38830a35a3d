/** `sluice saga`: what people do about sagas. Names the commands; each is loaded when it is called. */
import { Command } from 'commander';
import { exit } from './exit.ts';
import { pointAtFamily } from './help-of-family.ts';
import type { AbandonOptions } from './saga/abandon.ts';
import type { LsOptions } from './saga/ls.ts';
import type { ResumeOptions } from './saga/resume.ts';
import type { ShowOptions } from './saga/show.ts';

const FOLDER = 'pipelines';

const named = (command: Command): Command =>
  command.option('--saga <name>', 'name of the saga, where several have this id').option('--json', 'print JSON');

export function sagaCommand(): Command {
  const saga = new Command('saga')
    .description('look at sagas in the journal, send stuck ones on their way, give them up')
    .addHelpText(
      'after',
      `
Examples:
  $ sluice saga ls                      sagas that have not ended: running, waiting for another try, stuck
  $ sluice saga ls --stuck              those that need somebody to look
  $ sluice saga show order-17           what one has done, and when
  $ sluice saga resume order-17         gives its dead letter back: it goes on where it stands
  $ sluice saga abandon order-17 --yes  nothing more is done for it

The journal is the one of SLUICE_JOURNAL_FILE or SLUICE_JOURNAL_URL; "resume" needs the broker of AMQP_URL too.

Exit codes:
  0  done
  1  it could not be done; the output says why
  2  an argument or the configuration is wrong; nothing was done`,
    );

  saga
    .command('ls')
    .description('list sagas, those changed last first')
    .option('--saga <name>', 'those of this name')
    .option('--stuck', 'those that are stuck')
    .option('--all', 'those that have ended too')
    .option('-n, --limit <count>', 'at most so many', '100')
    .option('--json', 'print JSON')
    .action(async (options: LsOptions) => {
      const { ls } = await import('./saga/ls.ts');
      await exit(await ls(options));
    });

  named(saga.command('show'))
    .description('the timeline of a saga')
    .argument('<id>', 'id of the saga')
    .option('--results', 'show what its steps gave, which may be personal')
    .action(async (id: string, options: ShowOptions) => {
      const { show } = await import('./saga/show.ts');
      await exit(await show(id, options));
    });

  named(saga.command('resume'))
    .description('give the message of a saga that is stuck, or waits for one the broker gave up, back to its queue')
    .argument('<id>', 'id of the saga')
    .option('--queue <name>', 'its queue (default: the one of the pipeline whose handle the saga is)')
    .option('--pipelines <folder>', 'folder of pipeline modules', FOLDER)
    .action(async (id: string, options: ResumeOptions) => {
      const { resume } = await import('./saga/resume.ts');
      await exit(await resume(id, options));
    });

  named(saga.command('abandon'))
    .description('give a saga up: its message is dead-lettered whenever it comes, and nothing is done')
    .argument('<id>', 'id of the saga')
    .option('--yes', 'do not ask')
    .action(async (id: string, options: AbandonOptions) => {
      const { abandon } = await import('./saga/abandon.ts');
      await exit(await abandon(id, options));
    });
  return pointAtFamily(saga);
}
