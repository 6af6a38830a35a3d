/** Runs a test that was copied from the dashboard, as its reader would: a file beside the others, and mocha. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

export interface CopiedRun {
  readonly passes: number;
  readonly failures: number;
  readonly output: string;
}

/** @param module where the pipeline is, in place of the path the copy assumes. */
export async function runCopiedTests(texts: readonly string[], module: string): Promise<CopiedRun> {
  const folder = mkdtempSync(join(ROOT, 'test/dashboard/.copied-'));
  try {
    texts.forEach((text, index) => {
      const placed = text.replace(/'\.\.\/pipelines\/[^']+'/, `'${relative(folder, module)}'`);
      if (placed === text) throw new Error(`the copy imports no pipeline:\n${text}`);
      writeFileSync(join(folder, `copied-${index}.spec.ts`), placed);
    });
    const args = ['--no-config', '--extension', 'spec.ts', '--reporter', 'json', folder];
    const output = await mocha(args);
    const { stats } = JSON.parse(output.slice(output.indexOf('{'))) as { readonly stats: Omit<CopiedRun, 'output'> };
    return { passes: stats.passes, failures: stats.failures, output };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function mocha(args: readonly string[]): Promise<string> {
  const program = ['--import', 'tsx', '--conditions', 'sluice-source', join(ROOT, 'node_modules/mocha/bin/mocha.js')];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...program, ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    child.once('error', reject);
    child.once('close', () => (out.includes('"stats"') ? resolve(out) : reject(new Error(`mocha said: ${out}${err}`))));
  });
}
