/** The command line: names the commands; each is loaded when it is called, so that `--help` costs nothing. */
import { Command, CommanderError } from 'commander';
import { version } from '../package.ts';
import { beginBuilding } from '../worker/build-folder.ts';
import { atLeastOne, collected, duration, port, workers } from './arguments.ts';
import { dlqCommand } from './dlq.ts';
import type { DoctorOptions } from './doctor.ts';
import { exit, watchOutput } from './exit.ts';
import { EXIT } from './exit-code.ts';
import { journalCommand } from './journal.ts';
import { nameCommands } from './name-commands.ts';
import type { ReplayCommandOptions } from './replay.ts';
import { sagaCommand } from './saga.ts';
import type { TopologyOptions } from './topology.ts';
import { completionCommand, graphCommand, newCommand, publishCommand, topCommand } from './work-commands.ts';

interface RunOptions {
  readonly workers?: number;
  readonly record?: string;
  readonly recordLimit: number;
}

interface JsonOption {
  readonly json?: boolean;
}

const program = new Command('sluice')
  .description('RabbitMQ queues as RxJS streams of API work.')
  .version(version)
  .showSuggestionAfterError()
  .addHelpText(
    'after',
    `
Examples:
  $ sluice check                         load every pipeline and name every mistake
  $ sluice dev                           run ./pipelines on the embedded broker, reload on every change
  $ AMQP_URL=amqp://… sluice run         run all pipelines of ./pipelines on RabbitMQ
  $ sluice run services/billing          run those of another folder
  $ sluice run --workers auto            in as many processes as there are cores
  $ sluice serve --port 3000             the front door alone; workers are other processes
  $ sluice doctor                        what is wrong with the broker, for these pipelines
  $ sluice topology                      queues, exchanges and permissions they need
  $ sluice run --record day.jsonl        run them, and write down what goes in and out
  $ sluice replay day.jsonl              do that again in virtual time, and write day.spec.ts
  $ sluice new order-processing          write a pipeline, its schema and its marble test
  $ sluice publish orders orders.jsonl   publish JSON lines, each confirmed
  $ sluice top                           watch a running worker
  $ sluice dlq ls                        what lies in the dead-letter queues, and why
  $ sluice saga ls --stuck               sagas that need somebody to look

Environment of "run", "dev" and "serve":
  AMQP_URL             amqp://user:password@host:5672/vhost, several separated by commas; or AMQP_URL_FILE
                       (default: the embedded broker, in memory; with NODE_ENV=production it must be set)
  SLUICE_AMQP_CA       for amqps://: authorities to trust instead of Node's, PEM; best as SLUICE_AMQP_CA_FILE, read at each connect
  SLUICE_AMQP_CERT     our certificate for mutual TLS, PEM; or SLUICE_AMQP_CERT_FILE
  SLUICE_AMQP_KEY      its private key, PEM without a passphrase; or SLUICE_AMQP_KEY_FILE
  SLUICE_AMQP_PINS     SHA-256 of public keys in base64, separated by commas: the broker must have one of them (default: any)
  SLUICE_AMQP_AUTH     plain, the user of AMQP_URL, or external: the certificate says who the worker is (default: plain)
  LOG_LEVEL            trace, debug, info, warn, error, silent (default: info)
  LOG_FORMAT           json or pretty (default: pretty in a terminal, json elsewhere)
  SLUICE_PORT          port of the dashboard, /metrics, /livez, /readyz and what else the worker tells about itself
                       (default: 8080, or a free one)
  SLUICE_HOST          its address (default: 127.0.0.1); one that other machines reach needs SLUICE_TOKEN
  SLUICE_TOKEN         at least 16 characters, or SLUICE_TOKEN_FILE, read again within 10 s: sent as "authorization: Bearer …"
                       with every action, and where it is set with everything but /livez and /readyz
  SLUICE_DOOR_PORT     port of the front door, where pipelines have an ingress; off: there is none (default: 3000, or a free one)
  SLUICE_DOOR_HOST     its address (default: 127.0.0.1); on one that other machines reach every ingress has to say who may come
  SLUICE_DOOR_PROXIES  addresses or networks of proxies in front of it, separated by commas, whose x-forwarded-for counts (default: none)
  SLUICE_DOOR_NAMES    names it is asked under, separated by commas; on loopback, and where they are set, a Host that is none of them and not
                       loopback's is refused (default: none)
  SLUICE_KEY_SECRET    at least 16 characters, or SLUICE_KEY_SECRET_FILE: idempotency keys are derived under it, so that nobody can
                       guess them; the same for all workers, and changed only while nothing is in flight
  SLUICE_START_WITHIN  time to reach the broker and find or declare its queues; then exit with 4 (default: as long as it takes)
  SLUICE_DASHBOARD_PAYLOADS
                       what the dashboard shows of messages: names of fields, separated by commas, or all (default: nothing)
  SLUICE_GRACE_PERIOD  time to finish what is in flight at shutdown (default: 30s)
  SLUICE_MAX_CALLS     HTTP calls in flight at once, over all APIs (default: 1000)
  SLUICE_TOPOLOGY      assert or check: declare queues and exchanges, or only look for them (default: assert)
  SLUICE_JOURNAL_FILE  file that sagas are journalled in, for the workers of one machine; needs the package libsql
  SLUICE_JOURNAL_URL   postgres://user:password@host:5432/database, for workers on many machines; or SLUICE_JOURNAL_URL_FILE,
                       read again when it is refused; needs the package pg, and tables: "sluice journal migrate" (default: in memory, gone with the worker)
  SLUICE_JOURNAL_CONNECTIONS  connections of a worker to that database (default: 10)
  SLUICE_JOURNAL_KEEP  how long ended sagas are kept, so that their messages published again get the same answer (default: 7d)
  SLUICE_JOURNAL_LEASE  how long a worker that is gone or paused keeps others from the sagas it ran: 10s to 10m (default: 30s)
  Names that begin with SLUICE_ are sluice's own: one that is not listed here is taken for a mistake.

Exit codes:
  0  stopped as asked, everything in flight finished
  1  could not go on; the error lines at the end of the log say why
  2  a definition or the configuration is wrong; every mistake was printed
  3  stopped as asked, but the grace period ended first: what still ran was aborted and given back to the broker
  4  no broker to start on within SLUICE_START_WITHIN`,
  );

program
  .command('run')
  .description('run the pipelines of a folder until SIGTERM or SIGINT')
  .argument('[folder]', 'folder of pipeline modules', 'pipelines')
  .option('--workers <count>', 'in so many processes, watched over by this one; auto: one for each core', workers)
  .option(
    '--record <file>',
    'write down messages, calls, answers and results, without secrets, for "replay"; a new file',
  )
  .option('--record-limit <megabytes>', 'the size at which the recording ends, and the worker goes on', atLeastOne, 10)
  .addHelpText(
    'after',
    `
Examples:
  $ sluice run                                 ./pipelines, on the embedded broker
  $ AMQP_URL=amqp://… sluice run               on RabbitMQ
  $ sluice run services/billing --workers 4    another folder, in four processes
  $ sluice run --record day.jsonl              and write down what goes in and out

Environment and exit codes: sluice --help`,
  )
  .action(async (folder: string, { workers: count, record, recordLimit }: RunOptions, command: Command) => {
    if (count !== undefined) {
      if (record !== undefined)
        command.error('error: --record and --workers exclude each other: a recording is of one worker process', {
          exitCode: 2,
        });
      const { runWorkers } = await import('./run-workers.ts');
      return exit(await runWorkers(folder, count));
    }
    const building = beginBuilding(folder);
    const { run } = await import('./run.ts');
    const recorded = record === undefined ? undefined : { file: record, maxBytes: recordLimit * 1_000_000 };
    return exit(await run(folder, recorded, building));
  });

program
  .command('serve')
  .description("open the front door of a folder's pipelines, without workers, until SIGTERM or SIGINT")
  .argument('[folder]', 'folder of pipeline modules', 'pipelines')
  .option('--port <port>', 'port to listen on, 0 for any free one (default: SLUICE_DOOR_PORT)', port)
  .addHelpText(
    'after',
    `
It declares nothing: its queues are those of workers, or of "sluice topology --apply". Health and readiness are at SLUICE_PORT.

Example:
  $ SLUICE_DOOR_HOST=0.0.0.0 AMQP_URL=amqp://… sluice serve --port 8000

Exit codes:
  0  stopped as asked, everybody was answered
  1  could not go on; the error lines at the end of the log say why
  2  an argument, a definition or the configuration is wrong; every mistake was printed`,
  )
  .action(async (folder: string, { port: asked }: { readonly port?: number }) => {
    const { serve } = await import('./serve.ts');
    await exit(await serve(folder, asked));
  });

program
  .command('replay')
  .description(
    'take a recording through the pipelines of a folder in virtual time, show what differs, write a marble spec',
  )
  .argument('<file>', 'what "run --record" wrote')
  .argument('[folder]', 'folder of pipeline modules', 'pipelines')
  .option('--message <id>', 'this message alone; may be repeated', collected)
  .option('--max <count>', 'messages at most, the first ones', atLeastOne, 20)
  .option('--tolerance <duration>', 'how far apart the same moments may lie: 50ms, 1s', duration, '1s')
  .option('--spec <file>', 'where the spec is written (default: beside the recording, .spec.ts)')
  .option('--json', 'print JSON')
  .addHelpText(
    'after',
    `
Examples:
  $ sluice replay day.jsonl                     and write day.spec.ts
  $ sluice replay day.jsonl --message order-17  one message

Exit codes:
  0  all goes as it was recorded
  1  something differs, or nothing could be replayed
  2  an argument, the recording or a definition is wrong`,
  )
  .action(async (file: string, folder: string, options: ReplayCommandOptions) => {
    const { replay } = await import('./replay.ts');
    await exit(await replay(file, folder, options));
  });

program
  .command('check')
  .description('load the pipelines of a folder and print every mistake; connects to nothing')
  .argument('[folder]', 'folder of pipeline modules', 'pipelines')
  .option('--json', 'print JSON, mistakes too')
  .addHelpText(
    'after',
    `
Examples:
  $ sluice check
  $ sluice check services/billing --json

Exit codes:
  0  nothing is wrong
  2  every mistake was printed`,
  )
  .action(async (folder: string, { json = false }: JsonOption) => {
    const building = beginBuilding(folder);
    const { check } = await import('./check.ts');
    await exit(await check(folder, json, building));
  });

program
  .command('dev')
  .description('run the pipelines of a folder and reload them whenever a file in it changes')
  .argument('[folder]', 'folder of pipeline modules', 'pipelines')
  .addHelpText(
    'after',
    `
Examples:
  $ sluice dev                      on an embedded broker, at amqp://localhost where that port is free
  $ AMQP_URL=amqp://… sluice dev    on RabbitMQ

Environment and exit codes: sluice --help`,
  )
  .action(async (folder: string) => {
    const { dev } = await import('./dev.ts');
    await exit(await dev(folder));
  });

program
  .command('broker')
  .description('start the embedded broker alone: in memory, for development')
  .option('--port <port>', 'port to listen on, 0 for any free one (default: 5672)', port)
  .option('--json', 'print its address as JSON')
  .addHelpText('after', '\nExample:\n  $ sluice broker --port 0 --json')
  .action(async ({ port, json = false }: { readonly port?: number } & JsonOption) => {
    const { broker } = await import('./broker.ts');
    await exit(await broker(json, port));
  });

program
  .command('outbox')
  .description('outbox tables in PostgreSQL, which outbox() relays')
  .command('sql')
  .description('print the statements that make one; run them in a migration of yours')
  .option('--table <name>', 'its name: outbox, shop.outbox', 'outbox')
  .addHelpText('after', '\nExample:\n  $ sluice outbox sql --table shop.outbox > migrations/017_outbox.sql')
  .action(async ({ table }: { readonly table: string }) => {
    const { printOutboxSql } = await import('./outbox.ts');
    await exit(printOutboxSql(table));
  });

program
  .command('doctor')
  .description('compare a broker with what the pipelines of a folder want of it, and say what to do; changes nothing')
  .argument('[folder]', 'folder of pipeline modules', 'pipelines')
  .option('--json', 'print JSON')
  .option('--consumer-timeout <duration>', "the broker's consumer_timeout, which AMQP does not tell", '30m')
  .addHelpText(
    'after',
    `
Example:
  $ AMQP_URL=amqp://… sluice doctor

Exit codes:
  0  no problem; there may be warnings and notes
  1  a problem was found, or the broker cannot be reached
  2  an argument, a definition or the configuration is wrong
  3  stopped as asked`,
  )
  .action(async (folder: string, options: DoctorOptions) => {
    const { doctor } = await import('./doctor.ts');
    await exit(await doctor(folder, options));
  });

program
  .command('topology')
  .description('print what the pipelines of a folder need on the broker, and which permissions; or declare it')
  .argument('[folder]', 'folder of pipeline modules', 'pipelines')
  .option('--json', "print RabbitMQ's definitions, for rabbitmqctl import_definitions; with --apply, what was declared")
  .option('--apply', 'declare what is missing on the broker of AMQP_URL')
  .option('--vhost <name>', 'virtual host in what is printed', '/')
  .option(
    '--user <name>',
    'broker user in what is printed; with --json, the permissions of a worker that only looks are among the definitions',
  )
  .addHelpText(
    'after',
    `
Examples:
  $ sluice topology                             to read, with the permissions of a worker
  $ sluice topology --json > definitions.json   for "rabbitmqctl import_definitions definitions.json"
  $ AMQP_URL=amqp://… sluice topology --apply   declare what is missing`,
  )
  .action(async (folder: string, options: TopologyOptions) => {
    const { topology } = await import('./topology.ts');
    await exit(await topology(folder, options));
  });

program.addCommand(newCommand());
program.addCommand(graphCommand());
program.addCommand(publishCommand());
program.addCommand(topCommand());
program.addCommand(dlqCommand());
program.addCommand(journalCommand());
program.addCommand(sagaCommand());
program.addCommand(completionCommand());

watchOutput();
nameCommands(program);
endHere(program);
try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // A wrong argument is a mistake like any other; commander would end with 1. Help has to be written, as all output has.
  await exit(error.exitCode === EXIT.ok ? EXIT.ok : EXIT.misconfigured);
}

/** Where commander would end the process by itself, before what it printed is written. */
function endHere(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) endHere(child);
}
