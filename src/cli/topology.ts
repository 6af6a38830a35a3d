/** `sluice topology`: what the pipelines need on the broker, for people, as RabbitMQ's definitions, or declared there. */
import pc from 'picocolors';
import { openDeclarer } from '../broker/amqp/open-declarer.ts';
import { toDefinitions } from '../broker/definitions.ts';
import type { Permissions } from '../broker/permissions.ts';
import type { QueueSpec, Topology } from '../broker/topology.ts';
import type { Problem } from '../errors.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { type BrokerRole, neededPermissions } from '../worker/needed-permissions.ts';
import { neededTopology } from '../worker/needed-topology.ts';
import { misconfigured, printJson, withBroker } from './broker-session.ts';
import { EXIT } from './exit-code.ts';
import { loadDefined } from './load.ts';
import { counted, oneLine, table } from './print.ts';

export interface TopologyOptions {
  readonly json?: boolean;
  readonly apply?: boolean;
  readonly vhost: string;
  readonly user?: string;
}

export async function topology(folder: string, options: TopologyOptions): Promise<number> {
  const { pipelines, problems, dispose } = await loadDefined(folder, 'assert');
  await dispose();
  const wrong = [...problems, ...wrongOptions(options)];
  if (wrong.length > 0) return misconfigured(wrong);

  const needed = neededTopology(pipelines);
  if (options.apply === true) return apply(needed, options.json === true);
  const { vhost, user } = options;
  if (options.json === true) {
    const grant = user === undefined ? {} : { grant: { user, permissions: neededPermissions(pipelines, 'worker') } };
    printJson(toDefinitions(needed, { vhost, ...grant }));
  } else {
    printTopology(needed);
    printPermissions(pipelines, vhost, user ?? 'USER');
  }
  return EXIT.ok;
}

function wrongOptions({ apply: isApplied, user }: TopologyOptions): readonly Problem[] {
  const subject = 'argument';
  if (isApplied === true && user !== undefined)
    return [
      {
        subject,
        path: '--user',
        message: 'permissions are not granted over AMQP: use the command that is printed without --apply',
      },
    ];
  return [];
}

const apply = (needed: Topology, isJson: boolean): Promise<number> =>
  withBroker(
    openDeclarer,
    async (declarer) => {
      await declarer.declare(needed);
      const { exchanges, queues, bindings } = needed;
      if (isJson) {
        const names = (of: readonly { readonly name: string }[]): string[] => of.map(({ name }) => name);
        printJson({ broker: declarer.address, exchanges: names(exchanges), queues: names(queues), bindings });
        return EXIT.ok;
      }
      const what = [
        counted(exchanges.length, 'exchange'),
        counted(queues.length, 'queue'),
        counted(bindings.length, 'binding'),
      ];
      console.log(`${pc.green('✓')} ${what.join(', ')} at ${declarer.address}`);
      return EXIT.ok;
    },
    'stopped as asked: some of it may be declared, and applied again it is the same',
  );

function printTopology({ exchanges, queues, bindings }: Topology): void {
  section(
    'EXCHANGE',
    ['TYPE'],
    exchanges.map(({ name, type, arguments: args = {} }) => [name, [type, argumentsText(args)].join(' ').trimEnd()]),
  );
  section(
    'QUEUE',
    ['ARGUMENTS'],
    queues.map(({ name, arguments: args }) => [name, argumentsText(args)]),
  );
  section(
    'BINDING',
    ['EXCHANGE', 'KEY'],
    bindings.map(({ queue, exchange, key }) => [queue, exchange, key]),
  );
}

const argumentsText = (args: QueueSpec['arguments']): string =>
  Object.entries(args)
    .map(([argument, value]) => `${argument}=${value === '' ? '""' : value}`)
    .join(' ');

function section(first: string, others: readonly string[], rows: readonly (readonly string[])[]): void {
  if (rows.length === 0) return;
  const [heading = '', ...body] = table(
    [first, ...others],
    rows.map((row) => row.map(oneLine)),
  );
  console.log(pc.dim(heading));
  for (const row of body) console.log(row);
  console.log();
}

const ROLES: Readonly<Record<BrokerRole, string>> = {
  worker: 'a worker that only looks: SLUICE_TOPOLOGY=check',
  declarer: 'whoever declares for it: sluice topology --apply',
  both: 'a worker that declares for itself: SLUICE_TOPOLOGY=assert',
  operator: 'people who work on dead letters: sluice dlq',
  door: 'a front door alone: sluice serve',
};

function printPermissions(pipelines: readonly Pipeline[], vhost: string, user: string): void {
  console.log(pc.dim('PERMISSIONS  configure, write and read, and nothing too much'));
  const isEntered = pipelines.some(({ ingress }) => ingress !== undefined);
  for (const [role, whom] of Object.entries(ROLES)) {
    if (role === 'door' && !isEntered) continue;
    console.log(`${pc.dim(`# ${whom}`)}\n${commandOf(neededPermissions(pipelines, role as BrokerRole), vhost, user)}`);
  }
}

const commandOf = ({ configure, write, read }: Permissions, vhost: string, user: string): string =>
  ['rabbitmqctl', 'set_permissions', '-p', quoted(vhost), quoted(user), ...[configure, write, read].map(quoted)].join(
    ' ',
  );

/** For a shell, whatever is in it. */
const quoted = (text: string): string => (/^[\w/.-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
