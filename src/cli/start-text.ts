/** What a person wants to know when a worker starts: what was loaded, what it connects to, where to look. */
import pc from 'picocolors';
import { version } from '../package.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';

export interface Start {
  readonly pipelines: readonly Pipeline[];
  /** Without credentials. */
  readonly broker: string;
  readonly url: string;
  readonly isProtected: boolean;
  /** Of the front door; undefined where there is none. */
  readonly door?: string | undefined;
}

export function startText({ pipelines, broker, url, isProtected, door }: Start): string {
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
    ...(door === undefined ? [] : [`  ${pc.dim('door')}     ${door}  ${entrances(pipelines)}`]),
    `  ${pc.dim('look at')}  ${url}${token}`,
    `  ${pc.dim('        ')}  ${url}/metrics  ${url}/readyz  or "sluice top ${url}"`,
    '',
    '',
  ].join('\n');
}

/** The same for a front door without workers. */
export const doorText = ({ pipelines, broker, url, door }: Omit<Start, 'isProtected'>): string =>
  [
    '',
    `${pc.bold('sluice')} ${version}`,
    `  ${pc.dim('broker')}   ${broker}`,
    `  ${pc.dim('door')}     ${door}  ${entrances(pipelines)}  ${door}/openapi.json`,
    `  ${pc.dim('look at')}  ${url}/readyz`,
    '',
    '',
  ].join('\n');

/** `POST /orders, PUT /v1/stock` */
const entrances = (pipelines: readonly Pipeline[]): string =>
  pipelines.flatMap(({ ingress }) => (ingress === undefined ? [] : [`${ingress.method} ${ingress.path}`])).join(', ');
