/** What a person wants to know when a worker starts: what was loaded, what it connects to, where to look. */
import pc from 'picocolors';
import type { Pipeline } from '../pipeline/define-pipeline.ts';
import { version } from './version.ts';

export interface Start {
  readonly pipelines: readonly Pipeline[];
  /** Without credentials. */
  readonly broker: string;
  readonly url: string;
  readonly isProtected: boolean;
}

export function startText({ pipelines, broker, url, isProtected }: Start): string {
  const width = Math.max(...pipelines.map(({ name }) => name.length));
  const lines = pipelines.map(({ name, source, apis, concurrency }) => {
    const called = Object.keys(apis);
    const to = called.length === 0 ? '' : ` → ${called.join(', ')}`;
    return `  ${pc.cyan(name.padEnd(width))}  ${source.name}${to}${pc.dim(`  ${concurrency} at once`)}`;
  });
  const token = isProtected ? pc.dim('  with the token of SLUICE_TOKEN') : '';
  return [
    '',
    `${pc.bold('sluice')} ${version}`,
    ...lines,
    `  ${pc.dim('broker')}   ${broker}`,
    `  ${pc.dim('look at')}  ${url}${token}`,
    `  ${pc.dim('        ')}  ${url}/metrics  ${url}/readyz  or "sluice top ${url}"`,
    '',
    '',
  ].join('\n');
}
