/**
 * `npm run bench`: the whole job through sluice and by hand. `npm run bench -- --help` says what else there is.
 * The broker is RabbitMQ at AMQP_URL, or a private one where RabbitMQ is installed.
 */
import { writeFileSync } from 'node:fs';
import { checkStations, tableOfChecks } from './check.ts';
import { argumentsOf } from './support/arguments.ts';
import { arePeersInstalled, CONTENDERS, isPeer } from './support/programs.ts';
import { measureWholeJob, tableOf, type WholeJobOptions } from './whole-job.ts';
import { plotOf } from './whole-job-plot.ts';

const HELP = `npm run bench [-- options]

  --job post|gather     one POST for each message, or three gathered and published with confirm (default: both)
  --with all|NAMES      contenders beside sluice and the loop by hand, separated by commas: ${Object.keys(CONTENDERS).slice(2).join(', ')};
                        peers need npm ci --prefix bench --ignore-scripts
  --messages N          counted messages of each round, at least 1000 (default: 20000)
  --rounds N            interleaved rounds (default: 3)
  --rate N              messages a second, for latencies (default: all wait when a contender starts)
  --profile FOLDER      a CPU profile of each process
  --check               the stations alone, each against its budget; exits with 1 where one is over it (--rounds: default 30)
  --budgets SHARE       with --check: so much of each budget (default: 1); 0.1 shows how it fails
  --json FILE · --markdown FILE · --svg FILE
                        the figures, as well as on the terminal`;

const values = argumentsOf(
  HELP,
  {
    job: { type: 'string' },
    with: { type: 'string', default: '' },
    messages: { type: 'string', default: '20000' },
    rounds: { type: 'string' },
    rate: { type: 'string' },
    profile: { type: 'string' },
    json: { type: 'string' },
    markdown: { type: 'string' },
    svg: { type: 'string' },
    check: { type: 'boolean', default: false },
    budgets: { type: 'string', default: '1' },
  },
  // CPU is told by slices of 1000 messages.
  { messages: 1_000, rounds: 1, rate: 1 },
);

function contenders(): readonly string[] {
  const names = Object.keys(CONTENDERS);
  const asked = values.with === 'all' ? names : values.with.split(',').filter((name) => name !== '');
  const unknown = asked.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`--with: unknown ${unknown.join(', ')}; there are ${names.join(', ')}`);
  if (asked.some(isPeer) && !arePeersInstalled())
    throw new Error('--with: the peers are not installed: npm ci --prefix bench --ignore-scripts');
  return names.filter((name) => name === 'by hand' || name === 'sluice' || asked.includes(name));
}

function kinds(): WholeJobOptions['kinds'] {
  if (values.job === undefined) return ['post', 'gather'];
  if (values.job === 'post' || values.job === 'gather') return [values.job];
  throw new Error(`--job: expected post or gather, got ${values.job}`);
}

async function check(): Promise<void> {
  const share = Number(values.budgets);
  const checks = await checkStations({ rounds: Number(values.rounds ?? 30), times: 2_000, share });
  const table = tableOfChecks(checks, share);
  console.log(table);
  if (values.markdown !== undefined) writeFileSync(values.markdown, `${table}\n`);
  for (const { station, ratio, isOver } of checks) {
    if (!isOver) continue;
    console.error(
      `${station.name}: ${ratio.toFixed(2)} times the yardstick, its budget is ${(station.budget * share).toFixed(2)}`,
    );
    process.exitCode = 1;
  }
}

async function main(): Promise<void> {
  if (values.check) {
    await check();
    return;
  }
  const options: WholeJobOptions = {
    kinds: kinds(),
    contenders: contenders(),
    messages: Number(values.messages),
    rounds: Number(values.rounds ?? 3),
    perSecond: values.rate === undefined ? undefined : Number(values.rate),
    profileTo: values.profile,
  };
  const figures = await measureWholeJob(options);
  const table = tableOf(figures, options);
  console.log(`\n${table}`);
  if (values.markdown !== undefined) writeFileSync(values.markdown, `${table}\n`);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ options, figures }, undefined, 2)}\n`);
  if (values.svg !== undefined) writeFileSync(values.svg, plotOf(figures));
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
