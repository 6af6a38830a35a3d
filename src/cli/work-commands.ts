/** Commands for whoever writes and watches pipelines: names them; each is loaded when it is called. */
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { exit } from './exit.ts';
import type { GraphFormat } from './graph.ts';
import type { NewOptions } from './new.ts';
import type { PublishOptions } from './publish.ts';
import type { TopOptions } from './top.ts';

const FOLDER = 'pipelines';

function lineNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a line number, counted from 1.');
}

export function newCommand(): Command {
  return new Command('new')
    .description('write a pipeline, its schema and its marble test, ready to run')
    .argument('<name>', 'lower-case words with hyphens')
    .option('--pipelines <folder>', 'folder of pipeline modules', FOLDER)
    .option('--tests <folder>', 'folder of their tests', 'test')
    .option('--json', 'print the files as JSON')
    .addHelpText('after', '\nExample:\n  $ sluice new order-processing')
    .action(async (name: string, options: NewOptions) => {
      const { newPipeline } = await import('./new.ts');
      await exit(await newPipeline(name, options));
    });
}

export function graphCommand(): Command {
  return new Command('graph')
    .description('draw what pipelines take, call and publish; connects to nothing')
    .argument('[folder]', 'folder of pipeline modules', FOLDER)
    .addOption(new Option('--format <format>', 'how').choices(['mermaid', 'svg', 'json']).default('mermaid'))
    .addOption(new Option('--json', 'the same as --format json').implies({ format: 'json' }))
    .addHelpText(
      'after',
      `
Examples:
  $ sluice graph > docs/pipelines.mmd
  $ sluice graph --format svg services/billing > billing.svg`,
    )
    .action(async (folder: string, { format }: { readonly format: GraphFormat }) => {
      const { graph } = await import('./graph.ts');
      await exit(await graph(folder, format));
    });
}

export function publishCommand(): Command {
  return new Command('publish')
    .description('publish JSON lines to a queue and wait for every confirm')
    .argument('<queue>', 'a queue that is there')
    .argument('<file>', 'one JSON value on each line, or - for standard input')
    .option('--id <member>', 'member of each message that is its message id (default: an id of its own for each)')
    .option('--from <line>', 'begin at this line', lineNumber, 1)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ sluice publish orders.placed orders.jsonl --id order_id
  $ jq -c '.[]' orders.json | sluice publish orders.placed -

The first line that cannot be published ends it. With --id a line that was published already is the same message once more.

Exit codes:
  0  every line is with the broker
  1  not every line; the output says how many are, and which line to go on with
  2  an argument or the configuration is wrong; nothing was published
  3  stopped as asked before all was published`,
    )
    .action(async (queue: string, file: string, options: PublishOptions) => {
      const { publish } = await import('./publish.ts');
      await exit(await publish(queue, file, options));
    });
}

export function topCommand(): Command {
  return new Command('top')
    .description('watch a running worker: pipelines, APIs and queues, once a second')
    .argument('[address]', 'its address, as "sluice run" prints it', 'http://127.0.0.1:8080')
    .option('--once', 'print one table, measured over a second, and end')
    .option('--json', 'the same as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ sluice top
  $ SLUICE_TOKEN_FILE=token sluice top http://worker-3:8080
  $ sluice top --json | jq '.pipelines[] | select(.isConsuming | not)'`,
    )
    .action(async (address: string, options: TopOptions) => {
      const { top } = await import('./top.ts');
      await exit(await top(address, options));
    });
}

export function completionCommand(): Command {
  return new Command('completion')
    .description('print what a shell needs to complete sluice')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh']))
    .addHelpText('after', '\nExample:\n  $ source <(sluice completion bash)')
    .action(async (shell: 'bash' | 'zsh', _options: object, command: Command) => {
      const { completionOf } = await import('./completion.ts');
      process.stdout.write(completionOf(command.parent ?? command, shell));
      await exit(0);
    });
}
