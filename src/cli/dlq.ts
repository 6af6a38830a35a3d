/** `sluice dlq`: what people do about dead letters. Names the commands; each is loaded when it is called. */
import { Command } from 'commander';
import { atLeastOne, collected } from './arguments.ts';
import type { DropOptions } from './dlq/drop.ts';
import type { EditOptions } from './dlq/edit.ts';
import type { LsOptions } from './dlq/ls.ts';
import type { RetryOptions } from './dlq/retry.ts';
import type { ShowOptions } from './dlq/show.ts';
import { exit } from './exit.ts';
import { pointAtFamily } from './help-of-family.ts';

const FOLDER = 'pipelines';
const LOOKED_AT = 50_000;
const SHOWN = 10;
const RATE = '50/s';

const filtered = (command: Command): Command =>
  command
    .option('--id <id>', 'the letter with this message id; may be repeated, as may the next three', collected)
    .option('--code <code>', 'letters that failed with this code', collected)
    .option(
      '--stage <stage>',
      'letters that failed there: decode, validate, slot, handle, output, publish, broker; - for those that do not say',
      collected,
    )
    .option('--fingerprint <fingerprint>', 'letters of this group, as "ls" prints it', collected)
    .option('--older-than <duration>', 'letters whose last failure is longer ago: 10m, 2h, 7d');

const json = (command: Command): Command => command.option('--json', 'print JSON');

const queueArgument = 'a work queue or its dead-letter queue, orders or orders.dead';

export function dlqCommand(): Command {
  const dlq = new Command('dlq')
    .description('look at dead letters, send them back to work, change or drop them')
    .addHelpText(
      'after',
      `
Examples:
  $ sluice dlq ls                                        every pipeline's dead letters, grouped by what went wrong
  $ sluice dlq show orders -n 3                          three letters of orders.dead, with their content
  $ sluice dlq retry orders --fingerprint 1f0c9a2e --dry-run
                                                         what today's code would make of one group
  $ sluice dlq retry orders --code ERR_HTTP_STATUS --rate 20/s
  $ sluice dlq edit orders --id order-17                 the body of one letter, in $VISUAL or $EDITOR
  $ sluice dlq drop orders --older-than 30d              asks before it does

The broker is the one of AMQP_URL. Letters are held while they are looked at, and go back to where they lay.

Exit codes:
  0  done
  1  not all of it could be done, or a letter named by --id is not there; the output says why. Nothing is lost: a letter is in its queue, in the dead letters, or in both
  2  an argument or the configuration is wrong; nothing was done
  3  stopped as asked before all was done; the other letters are where they were`,
    );

  json(dlq.command('ls'))
    .description('count dead letters by code, stage and kind of message')
    .argument('[queues...]', `${queueArgument} (default: those of every pipeline of the folder)`)
    .option('--pipelines <folder>', 'folder of pipeline modules', FOLDER)
    .option('--limit <letters>', 'look at most at so many letters of each queue', atLeastOne, LOOKED_AT)
    .action(async (queues: readonly string[], options: LsOptions) => {
      const { ls } = await import('./dlq/ls.ts');
      await exit(await ls(queues, options));
    });

  filtered(json(dlq.command('show')))
    .description('print single letters with their failure, headers and content')
    .argument('<queue>', queueArgument)
    .option('-n, --number <letters>', 'print at most so many', atLeastOne, SHOWN)
    .option('--full', 'print bodies and details in full')
    .action(async (queue: string, options: ShowOptions) => {
      const { show } = await import('./dlq/show.ts');
      await exit(await show(queue, options));
    });

  filtered(json(dlq.command('retry')))
    .description('put letters into their work queue again, with their message ids and all tries before them')
    .argument('<queue>', queueArgument)
    .option('--all', 'every letter that is there now')
    .option('--rate <rate>', 'not faster than this: 50/s, 300/m, 1000/h, or max', RATE)
    .option('--dry-run', 'only find out what the pipeline as it is now would make of them; no API is called')
    .option('--pipelines <folder>', 'with --dry-run: folder of pipeline modules', FOLDER)
    .action(async (queue: string, options: RetryOptions) => {
      const { retry } = await import('./dlq/retry.ts');
      await exit(await retry(queue, options));
    });

  json(dlq.command('edit'))
    .description('change the body of one letter in $VISUAL, $EDITOR or vi; it stays among the dead letters')
    .argument('<queue>', queueArgument)
    .requiredOption('--id <id>', 'message id of the letter')
    .action(async (queue: string, options: EditOptions) => {
      const { edit } = await import('./dlq/edit.ts');
      await exit(await edit(queue, options));
    });

  filtered(json(dlq.command('drop')))
    .description('delete letters for good')
    .argument('<queue>', queueArgument)
    .option('--all', 'every letter that is there now')
    .option('--yes', 'do not ask; needed where there is no terminal')
    .action(async (queue: string, options: DropOptions) => {
      const { drop } = await import('./dlq/drop.ts');
      await exit(await drop(queue, options));
    });

  return pointAtFamily(dlq);
}
