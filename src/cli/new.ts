/** `sluice new`: a pipeline, its schema and its test, that run as they are. Writes nothing where something would be overwritten. */
import { access, mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { systemCodeOf } from '../errors.ts';
import { failed, misconfigured, printJson } from './broker-session.ts';
import { EXIT } from './exit-code.ts';
import { pipelineText, schemaText, testText } from './new/templates.ts';

export interface NewOptions {
  /** Folder of pipeline modules. */
  readonly pipelines: string;
  /** Folder of their tests. */
  readonly tests: string;
  readonly json?: boolean;
}

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

export async function newPipeline(name: string, { pipelines, tests, json = false }: NewOptions): Promise<number> {
  if (!NAME.test(name) || name.length > 60) {
    const message = `expected lower-case words with hyphens, like order-processing, got ${JSON.stringify(name.slice(0, 80))}`;
    return misconfigured([{ subject: 'argument', path: 'name', message }]);
  }
  const files = [
    [join(pipelines, `${name}.ts`), pipelineText(name)],
    [join(pipelines, `${name}.schema.ts`), schemaText(name)],
    [join(tests, `${name}.spec.ts`), testText(name, relative(tests, pipelines))],
  ] as const;
  for (const [file] of files) if (await exists(file)) return failed(`${file} is there already; nothing was written`);
  for (const folder of [pipelines, tests]) await mkdir(folder, { recursive: true });
  for (const [file, text] of files) {
    await writeFile(file, text, { flag: 'wx' });
    if (!json) console.log(`wrote ${file}`);
  }
  if (json) {
    printJson({ pipeline: files[0][0], schema: files[1][0], test: files[2][0] });
    return EXIT.ok;
  }
  const absent = ['mocha', 'tsx'].filter((name) => !isInstalled(name));
  const next = [
    `npx sluice check ${pipelines}`,
    ...(absent.length > 0 ? [`npm install --save-dev ${absent.join(' ')}`] : []),
    `npx mocha --import=tsx ${files[2][0]}`,
    `npx sluice dev ${pipelines}`,
  ];
  console.log(`\nNext:\n${next.map((command) => `  ${command}`).join('\n')}`);
  return EXIT.ok;
}

/** Whether a package is there for what is run in this folder, which is the project's. */
function isInstalled(name: string): boolean {
  try {
    createRequire(join(process.cwd(), 'any')).resolve(name);
    return true;
  } catch (error) {
    // One that may only be imported is there too.
    return systemCodeOf(error) !== 'MODULE_NOT_FOUND';
  }
}

const exists = async (file: string): Promise<boolean> => {
  try {
    await access(file);
    return true;
  } catch {
    return false;
  }
};
