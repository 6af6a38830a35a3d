/** `sluice replay`: a recording through the pipelines of today in virtual time, its differences as diagrams, and a marble spec of it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { messageOf } from '../errors.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { type Duration, durationMs } from '../policies/duration.ts';
import { readRecording } from '../recording/read-recording.ts';
import type { Recording } from '../recording/recording.ts';
import { NOT_ASKED_FOR, type Replay, replay as replayRecording } from '../testing/replay/replay.ts';
import { SPEC_BEGINS } from '../testing/replay/write-spec.ts';
import type { LoadedPipelines } from '../worker/load-pipelines.ts';
import { failed, printJson } from './broker-session.ts';
import { EXIT } from './exit-code.ts';
import { loadDefined } from './load.ts';
import { counted, oneLine } from './print.ts';
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
  if (typeof recording === 'string') return failed(recording, EXIT.misconfigured);
  const refusal = refusalOf(specFile);
  if (refusal !== undefined) return failed(refusal, EXIT.misconfigured);
  const loaded = await loadDefined(folder);
  try {
    if (loaded.problems.length > 0) {
      printProblems(loaded.problems, 'Nothing was replayed.');
      return EXIT.misconfigured;
    }
    const asked = options.message ?? [];
    const replayed = await replayRecording(recording, loaded.pipelines, {
      only: new Set(asked),
      maxMessages: options.max,
      toleranceMs: durationMs(options.tolerance),
      importOf: (pipeline, name) => importOf(loaded, pipeline, name, specFile),
    });
    const { spec, messages, changed, leftOut } = replayed;
    if ('text' in spec) {
      try {
        writeFileSync(specFile, spec.text);
      } catch (error) {
        return failed(`${specFile}: cannot be written: ${messageOf(error)}`);
      }
    }
    const written = 'text' in spec ? { spec: specFile } : { why: spec.why };
    if (options.json === true) printJson({ messages, changed, leftOut, ...written });
    else {
      print(replayed);
      console.log('spec' in written ? `written: ${written.spec}` : `no spec: ${written.why}`);
    }
    const there = new Set(recording.events.flatMap((event) => ('messageId' in event ? [event.messageId] : [])));
    const missing = asked.filter((id) => !there.has(id));
    for (const id of missing) failed(`--message: no message ${id} is in ${file}`);
    return messages > 0 && changed.length === 0 && missing.length === 0 ? EXIT.ok : EXIT.failed;
  } finally {
    await loaded.dispose();
  }
}

/** The recording, or what is wrong with it. */
function readFile(file: string): Recording | string {
  try {
    return readRecording(readFileSync(file, 'utf8'));
  } catch (error) {
    if (!existsSync(file)) return `${file}: there is no such file; "sluice run --record ${file}" writes one`;
    return `${file}: ${messageOf(error)}`;
  }
}

/** What a person wrote is not written over; a folder that is missing is told before anything is replayed. */
function refusalOf(specFile: string): string | undefined {
  const folder = dirname(specFile);
  if (!existsSync(folder))
    return `${specFile}: there is no folder ${folder}; make it, or pass another file with --spec`;
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
  const reasons = new Map<string, Replay['leftOut'][number][]>();
  for (const one of leftOut) reasons.set(one.why, [...(reasons.get(one.why) ?? []), one]);
  for (const [why, those] of reasons)
    console.log(`left out: ${counted(those.length, 'message')}${why === NOT_ASKED_FOR ? '' : namesOf(those)}, ${why}`);
  if (messages === 0) console.log('nothing was replayed');
  else
    console.log(
      `${counted(messages, 'message')} replayed, ${changed.length === 0 ? 'all as recorded' : `${changed.length} otherwise`}`,
    );
}

/** Names told of many; the others are in what --json prints. */
const MAX_NAMES = 3;

function namesOf(messages: Replay['leftOut']): string {
  const ids = [...new Set(messages.map(({ messageId }) => oneLine(messageId)))];
  return ` (${ids.slice(0, MAX_NAMES).join(', ')}${ids.length > MAX_NAMES ? ' …' : ''})`;
}
