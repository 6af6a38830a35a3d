/** `sluice check`: loads every pipeline, reads every setting, prints every mistake, and what may be one. Connects to nothing. */
import pc from 'picocolors';
import { describeProblem } from '../errors.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { BuiltFolder } from '../worker/build-folder.ts';
import { openToAll } from '../worker/entrances.ts';
import { printJson } from './broker-session.ts';
import { EXIT } from './exit-code.ts';
import { loadChecked } from './load.ts';
import { printProblems } from './problems.ts';
import { startWarnings } from './start-warnings.ts';

const sourceTitle = ({ name, partitions }: Pipeline['source']): string =>
  partitions === undefined ? `queue ${name}` : `exchange ${name}, ${partitions.count} partitions by ${partitions.by}`;

export async function check(folder: string, isJson: boolean, building?: Promise<BuiltFolder>): Promise<number> {
  const { pipelines, problems, config, dispose } = await loadChecked(folder, { building });
  await dispose();
  const all = [...problems, ...(config.ok ? openToAll(pipelines, config.value.doorHost) : config.problems)];
  const warnings = all.length > 0 || !config.ok ? [] : startWarnings(config.value, pipelines);
  if (isJson) {
    printJson({ pipelines: pipelines.map(summaryOf), problems: all, warnings });
    return all.length > 0 ? EXIT.misconfigured : EXIT.ok;
  }
  if (all.length > 0) {
    printProblems(all);
    return EXIT.misconfigured;
  }
  for (const { name, source, apis, ingress } of pipelines) {
    const entered = ingress === undefined ? '' : `${ingress.method} ${ingress.path} → `;
    console.log(
      `${pc.green('✓')} ${name}: ${entered}${source.feeder === undefined ? '' : `${source.feeder.title} → `}${sourceTitle(source)}${Object.keys(apis).length === 0 ? '' : ` → ${Object.keys(apis).join(', ')}`}`,
    );
  }
  for (const warning of warnings) console.error(`${pc.yellow('!')} ${describeProblem(warning)}`);
  return EXIT.ok;
}

/** What a program may want to know of a pipeline that was loaded; all of it is `sluice graph --json`. */
const summaryOf = ({ name, source, apis, publishes, ingress }: Pipeline) => ({
  name,
  ...(ingress === undefined ? {} : { ingress: { method: ingress.method, path: ingress.path } }),
  ...(source.feeder === undefined ? {} : { fedBy: source.feeder.title }),
  source: source.partitions === undefined ? { queue: source.name } : { exchange: source.name, ...source.partitions },
  apis: Object.values(apis).map((api) => api.name),
  publishes,
});
