/** `sluice replay`: a recording through the pipelines of today in virtual time, its differences as diagrams, and a marble spec of it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { messageOf } from '../errors.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { type Duration, durationMs } from '../policies/duration.ts';
import { readRecording } from '../recording/read-recording.ts';
import type { Recording } from '../recording/recording.ts';
import { type Replay, replay as replayRecording } from '../testing/replay/replay.ts';
import { SPEC_BEGINS } from '../testing/replay/write-spec.ts';
import type { LoadedPipelines } from '../worker/load-pipelines.ts';
import { printJson } from './broker-session.ts';
import { EXIT } from './exit-code.ts';
import { loadDefined } from './load.ts';
import { printProblems } from './problems.ts';

export interface ReplayCommandOptions {
  readonly message?: readonly string[];
  readonly max: number;
  readonly tolerance: Duration;
  readonly spec?: string;
  readonly json?: boolean;
}

/** 0: everything went as recorded. 1: something went otherwise, or nothing could be replayed. */
export async function replay(file: string, folder: string, options: ReplayCommandOptions): Promise<number> {
  process.setSourceMapsEnabled(true);
  const specFile = options.spec ?? `${file.replace(/\.[^./\\]+$/, '')}.spec.ts`;
  const recording = readFile(file);
  const refusal = refusalOf(specFile);
  if (typeof recording === 'string' || refusal !== undefined) {
    console.error(typeof recording === 'string' ? recording : refusal);
    return EXIT.misconfigured;
  }
  const loaded = await loadDefined(folder);
  try {
    if (loaded.problems.length > 0) {
      printProblems(loaded.problems, 'Nothing was replayed.');
      return EXIT.misconfigured;
    }
    const replayed = await replayRecording(recording, loaded.pipelines, {
      only: new Set(options.message ?? []),
      maxMessages: options.max,
      toleranceMs: durationMs(options.tolerance),
      importOf: (pipeline, name) => importOf(loaded, pipeline, name, specFile),
    });
    const { spec, messages, changed, leftOut } = replayed;
    if ('text' in spec) writeFileSync(specFile, spec.text);
    const written = 'text' in spec ? { spec: specFile } : { why: spec.why };
    if (options.json === true) printJson({ messages, changed, leftOut, ...written });
    else {
      print(replayed);
      console.log('spec' in written ? `written: ${written.spec}` : `no spec: ${written.why}`);
    }
    return replayed.messages > 0 && replayed.changed.length === 0 ? EXIT.ok : EXIT.failed;
  } finally {
    await loaded.dispose();
  }
}

/** The recording, or what is wrong with it. */
function readFile(file: string): Recording | string {
  try {
    return readRecording(readFileSync(file, 'utf8'));
  } catch (error) {
    return `${file}: ${messageOf(error)}`;
  }
}

/** What a person wrote is not written over. */
function refusalOf(specFile: string): string | undefined {
  if (!existsSync(specFile) || readFileSync(specFile, 'utf8').startsWith(SPEC_BEGINS)) return undefined;
  return `${specFile}: is there already, and was not written by sluice replay; pass another file with --spec`;
}

function importOf({ origins }: LoadedPipelines, pipeline: Pipeline, name: string, specFile: string): string {
  const origin = origins.get(pipeline);
  if (origin === undefined) throw new TypeError(`pipeline "${pipeline.name}" was not loaded from a module`);
  const path = relative(dirname(resolve(specFile)), origin.file).replaceAll('\\', '/');
  const from = JSON.stringify(path.startsWith('.') ? path : `./${path}`).replaceAll('"', "'");
  if (origin.exportedAs === 'default') return `import ${name} from ${from};`;
  const named = origin.exportedAs === name ? name : `${origin.exportedAs} as ${name}`;
  return `import { ${named} } from ${from};`;
}

function print({ messages, leftOut, changed }: Replay): void {
  for (const { pipeline, messageId, differences } of changed) {
    console.log(`message ${messageId} of ${pipeline} goes another way than it was recorded`);
    for (const difference of differences) console.log(`${difference.replace(/^/gm, '  ')}\n`);
  }
  const reasons = new Map<string, number>();
  for (const { why } of leftOut) reasons.set(why, (reasons.get(why) ?? 0) + 1);
  for (const [why, count] of reasons)
    console.log(`left out: ${count === 1 ? '1 message' : `${count} messages`}, ${why}`);
  const counted = messages === 1 ? '1 message' : `${messages} messages`;
  console.log(`${counted} replayed, ${changed.length === 0 ? 'all as recorded' : `${changed.length} otherwise`}`);
}
