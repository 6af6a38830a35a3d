/** `sluice check`: loads every pipeline, reads every setting, prints every mistake. Connects to nothing. */
import pc from 'picocolors';
import { readConfig } from '../config.ts';
import type { Pipeline } from '../pipeline/define-pipeline.ts';
import { EXIT } from './exit-code.ts';
import { loadChecked } from './load.ts';
import { attempt, printProblems } from './problems.ts';

const sourceTitle = ({ name, partitions }: Pipeline['source']): string =>
  partitions === undefined ? `queue ${name}` : `exchange ${name}, ${partitions.count} partitions by ${partitions.by}`;

export async function check(folder: string): Promise<number> {
  const { pipelines, problems, dispose } = await loadChecked(folder);
  await dispose();
  const config = attempt(readConfig);
  const all = [...problems, ...(config.ok ? [] : config.problems)];
  if (all.length > 0) {
    printProblems(all);
    return EXIT.misconfigured;
  }
  for (const { name, source, apis } of pipelines) {
    console.log(
      `${pc.green('✓')} ${name}: ${source.feeder === undefined ? '' : `${source.feeder.title} → `}${sourceTitle(source)}${Object.keys(apis).length === 0 ? '' : ` → ${Object.keys(apis).join(', ')}`}`,
    );
  }
  return EXIT.ok;
}
