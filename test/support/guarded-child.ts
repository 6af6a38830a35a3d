/**
 * A child process that cannot outlive the test run, however that ends: a second small process holds the reading end of a pipe
 * to this one and kills the child's process group when the pipe breaks, which a SIGKILL to the test run does too.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';

export interface GuardedChildOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Folder the guard removes too, when the test run dies before it could. */
  readonly folder?: string;
  readonly uid?: number;
  readonly gid?: number;
}

export interface GuardedChild {
  readonly pid: number;
  /** Resolves when the process has ended, however it did. */
  readonly ended: Promise<void>;
  /** Resolves when those that it started and that write where it wrote have ended, too, whatever group they are in. */
  allEnded(): Promise<void>;
  readonly hasEnded: () => boolean;
  /** Last part of what it wrote to stdout and stderr. */
  readonly output: () => string;
  /** Resolves once the output holds the text. @throws Error with the output when the process ends or the time runs out first. */
  waitForOutput(text: string, withinMs: number): Promise<void>;
  /** Signals the whole process group. Nothing happens when it has ended. */
  signal(signal: NodeJS.Signals): void;
}

const KEPT_OUTPUT_CHARACTERS = 20_000;

const WATCH = 'cat > /dev/null; kill -s KILL -- "-$1" 2> /dev/null; sleep 0.2; if [ -n "$2" ]; then rm -rf -- "$2"; fi';

export function spawnGuarded(
  command: string,
  args: readonly string[],
  options: GuardedChildOptions = {},
): GuardedChild {
  const { env, folder = '', uid, gid } = options;
  // A process group of its own: shell scripts and their children get one signal, a Ctrl-C in the terminal does not reach them.
  const child = spawn(command, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(env === undefined ? {} : { env }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`could not start ${command}`);

  let text = '';
  const watchers = new Set<() => void>();
  const keep = (chunk: Buffer): void => {
    text = (text + chunk.toString()).slice(-KEPT_OUTPUT_CHARACTERS);
    for (const look of watchers) look();
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);

  guard(child, folder);
  let isOver = false;
  const ended = once(child, 'exit').then(() => {
    isOver = true;
    for (const look of watchers) look();
  });
  const closed = once(child, 'close');
  letGo(child);

  return {
    pid,
    ended,
    async allEnded() {
      for (const pipe of pipesOf(child)) pipe.ref();
      await closed;
    },
    hasEnded: () => isOver,
    output: () => text,
    signal(signal) {
      if (isOver) return;
      // Who ends it waits for its end: a program with nothing else to do would stop in the middle of that.
      child.ref();
      try {
        process.kill(-pid, signal);
      } catch {
        // The group went away between the question and the signal.
      }
    },
    waitForOutput: (wanted, withinMs) =>
      new Promise((resolve, reject) => {
        const finish = (outcome: () => void): void => {
          watchers.delete(look);
          clearTimeout(timer);
          outcome();
        };
        const look = (): void => {
          if (text.includes(wanted)) finish(resolve);
          else if (isOver) finish(() => reject(new Error(`${command} ended before it said "${wanted}":\n${text}`)));
        };
        const timer = setTimeout(
          () => finish(() => reject(new Error(`${command} did not say "${wanted}" within ${withinMs} ms:\n${text}`))),
          withinMs,
        );
        watchers.add(look);
        look();
      }),
  };
}

/** Sees to it that a child, which leads a process group of its own (`detached`), does not outlive this process, nor does the folder. */
export function guard(child: ChildProcess, folder = ''): void {
  const watcher = spawn('sh', ['-c', WATCH, 'guard', String(child.pid), folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.once('exit', () => watcher.kill('SIGKILL'));
  letGo(watcher);
}

/** Neither the child nor its pipes keep the test run alive. */
function letGo(child: ChildProcess): void {
  child.unref();
  for (const pipe of pipesOf(child)) pipe.unref();
}

const pipesOf = ({ stdin, stdout, stderr }: ChildProcess): readonly Socket[] =>
  [stdin, stdout, stderr].filter((stream) => stream instanceof Socket);
