/**
 * Why a module of a user's project could not be imported, in terms of that project: built files are nothing its author knows.
 */
import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../errors.ts';

export interface Place {
  /** Absolute. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

const INLINE_MAP = /\/\/# sourceMappingURL=data:application\/json;base64,(\S+)\s*$/;
const FRAME = /(file:\/\/\S+|(?:\/|[A-Za-z]:\\).+):(\d+):(\d+)\)?$/;

/**
 * Where it was thrown: the first frame of its stack that is of a file built in `folder`, or, where Node maps stacks by itself, of one in `root`.
 * Undefined where there is none, as of a module that Node could not link.
 */
export function placeOfFailure(error: unknown, folder: string, root: string): Place | undefined {
  if (!(error instanceof Error)) return undefined;
  for (const frame of (error.stack ?? '').split('\n')) {
    const [, location, row, column] = FRAME.exec(frame) ?? [];
    if (location === undefined) continue;
    const file = location.startsWith('file:') ? fileURLToPath(location) : location;
    if (isIn(folder, file)) return originalPlace(file, Number(row), Number(column));
    if (isIn(root, file) && !isIn(join(root, 'node_modules'), file))
      return { file, line: Number(row), column: Number(column) };
  }
  return undefined;
}

const isIn = (folder: string, file: string): boolean => file.startsWith(join(folder, sep));

function originalPlace(built: string, line: number, column: number): Place | undefined {
  const [, map] = INLINE_MAP.exec(readFileSync(built, 'utf8')) ?? [];
  if (map === undefined) return undefined;
  const payload = JSON.parse(Buffer.from(map, 'base64').toString('utf8')) as ConstructorParameters<typeof SourceMap>[0];
  const found = new SourceMap(payload).findEntry(line - 1, column - 1);
  if (!('originalSource' in found)) return undefined;
  return {
    file: resolve(dirname(built), found.originalSource),
    line: found.originalLine + 1,
    column: found.originalColumn + 1,
  };
}

/** What excerpts of the pages leave out, by what brings it. */
export const BROUGHT_BY: Readonly<Record<string, string>> = {
  sluice:
    'apiKey basic bearer clientKeys defineApi definePipeline defineService env every exchange gather gatherQuorum gatherSettled jwt outbox partitioned queue saga schedule stream',
  rxjs: 'EMPTY catchError concat defer delay forkJoin from map merge mergeMap of throwError timer',
  zod: 'z',
};

function whereFrom(name: string): string {
  const [brings] = Object.entries(BROUGHT_BY).find(([, names]) => names.split(' ').includes(name)) ?? [];
  return brings === undefined ? 'where another module has it, import it' : `import { ${name} } from '${brings}'`;
}

/** What is wrong and what to do, where Node's own words name built files. */
export function reasonOfFailure(error: unknown): string {
  const message = messageOf(error);
  const [, missing] = /^Cannot find package '([^']+)'/.exec(message) ?? [];
  const [, unnamed] = /^(\w+) is not defined$/.exec(message) ?? [];
  const [, ofCommonJs = /^Dynamic (require) of /.exec(message)?.[1]] =
    /^(require|module|exports) is not defined\b/.exec(message) ?? [];
  if (ofCommonJs !== undefined) return `${ofCommonJs} is of CommonJS, and this is an ES module: use import and export`;
  if (unnamed !== undefined && error instanceof ReferenceError)
    return `${unnamed} is not defined here; ${whereFrom(unnamed)}`;
  if (missing !== undefined) return `cannot find package "${missing}"; run "npm install ${missing}", or mend its name`;
  const [, of, absent] =
    /^The requested module '([^']+)' does not provide an export named '([^']+)'/.exec(message) ?? [];
  if (of === undefined || absent === undefined) return message;
  const [, inside] = /(?:^|\/)(?:dist|src)(?:\/(operators|testing|redis))?\/index\.[jt]s$/.exec(of) ?? [];
  const isOurs = of.startsWith('.') || of.startsWith('/');
  const from = isOurs ? ['sluice', inside].filter((part) => part !== undefined).join('/') : of;
  return `"${from}" has no export "${absent}"`;
}
