/** A real worker in a process of its own, as users run it: `node bin/sluice.js run`, its log read line by line. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { guard } from './guarded-child.ts';

const BIN = fileURLToPath(new URL('../../bin/sluice.js', import.meta.url));

export type LogLine = Readonly<Record<string, unknown>> & { readonly level?: number; readonly msg?: string };

export interface WorkerProcess {
  readonly pid: number;
  /** Every line so far: parsed where it is JSON, `{ text }` where it is not. */
  readonly lines: readonly LogLine[];
  /** Resolves with the first line that fits, of those printed already or to come; rejects when the process ends without one. */
  line(fits: (line: LogLine) => boolean): Promise<LogLine>;
  signal(signal: NodeJS.Signals): void;
  /** Asks to stop, and again once the first word was heard: two signals that come before a process looks are one to it. Resolves with its exit. */
  cutShort(): Promise<number | NodeJS.Signals>;
  /** Exit code, or the signal that ended it. */
  readonly exit: Promise<number | NodeJS.Signals>;
  /** Ends it for sure; for hooks. */
  kill(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) killGroup(child);
});

/** Runs the `sluice` command with these arguments. */
export function startSluice(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  cwd?: string,
): WorkerProcess {
  return started(process.execPath, [BIN, ...args], environment, cwd);
}

/** Runs the command that is installed in a project, by npx. Its exit is told when the command has ended too; the code is npx's own. */
export function startInstalled(
  project: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): WorkerProcess {
  return started('npx', ['--no-install', 'sluice', ...args], environment, project);
}

/** Runs it as npm and npx do: from a shell, which is what the returned one signals. Its exit is told when the command has ended too. */
export function startSluiceFromNpm(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): WorkerProcess {
  // With a second command, so that no shell puts the first in its own place.
  const line = ['-c', '"$0" "$@"; true', process.execPath, BIN, ...args];
  return started('sh', line, { ...environment, npm_lifecycle_event: 'npx' });
}

function started(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  cwd?: string,
): WorkerProcess {
  const child = spawn(command, args, {
    cwd,
    env: { PATH: process.env.PATH, LOG_LEVEL: 'debug', SLUICE_PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own: a Ctrl-C in the terminal is for the tests, which decide what becomes of it.
    detached: true,
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`could not start ${command}`);
  guard(child);
  running.add(child);
  const lines: LogLine[] = [];
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (text) => {
      lines.push(parse(text));
      for (const listener of listeners) listener();
    });
  }
  const exit = once(child, 'close').then(([code, signal]) => {
    running.delete(child);
    for (const listener of listeners) listener();
    return (code ?? signal) as number | NodeJS.Signals;
  });

  const line: WorkerProcess['line'] = (fits) =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = lines.find(fits);
        if (found === undefined && running.has(child)) return;
        listeners.delete(look);
        if (found !== undefined) resolve(found);
        else
          reject(
            new Error(
              `the process ended without that line; it said:\n${lines.map((line) => JSON.stringify(line)).join('\n')}`,
            ),
          );
      };
      listeners.add(look);
      look();
    });

  return {
    pid,
    lines,
    exit,
    line,
    signal: (signal) => void child.kill(signal),
    cutShort: async () => {
      child.kill('SIGTERM');
      await line(({ msg }) => msg?.startsWith('asked to stop') === true);
      child.kill('SIGTERM');
      return exit;
    },
    kill: async () => {
      if (running.has(child)) killGroup(child);
      await exit;
    },
  };
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It went away between the question and the signal.
  }
}

function parse(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { text };
  }
}

/** Waits until the worker takes messages of every pipeline named. */
export async function consuming(worker: WorkerProcess, pipelines: readonly string[]): Promise<void> {
  for (const pipeline of pipelines) await worker.line((line) => line.msg === 'consuming' && line.pipeline === pipeline);
}
