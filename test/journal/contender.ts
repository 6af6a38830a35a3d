/** A process of its own on one journal file, told what to do by messages: to contend for entries, or to hold one and write when asked. */
import { randomUUID } from 'node:crypto';
import { concat, firstValueFrom, lastValueFrom, mergeMap, of, retry, take, throwError, timer } from 'rxjs';
import { codeOf, JournalHeldError } from '../../src/errors.ts';
import { createJournal } from '../../src/journal/create-journal.ts';
import { FileStore } from '../../src/journal/file/file-store.ts';
import type { OpenJournal } from '../../src/journal/journal.ts';

export type Task =
  /** Takes entries in turn, adds a record that says what it read, and lets them go. */
  | { readonly kind: 'contend'; readonly path: string; readonly entries: number; readonly rounds: number }
  | { readonly kind: 'hold'; readonly path: string; readonly id: string; readonly leaseMs: number }
  /** It may stop itself where its write is stored: nothing of its own keeps the file locked then, as a renewal would that is stopped half-way. */
  | { readonly kind: 'write'; readonly step: string; readonly thenStops?: true };

const say = (message: unknown): void => void process.send?.(message);

let held: OpenJournal | undefined;

process.on('message', (task: Task) => {
  switch (task.kind) {
    case 'contend':
      void contend(task);
      break;
    case 'hold':
      hold(task);
      break;
    case 'write':
      held?.append({ kind: 'stepDone', at: Date.now(), step: task.step, result: null }).subscribe({
        complete: () => {
          if (task.thenStops) process.kill(process.pid, 'SIGSTOP');
          say('written');
        },
        error: (error: unknown) => say(codeOf(error)),
      });
  }
});

async function contend({ path, entries, rounds }: Extract<Task, { readonly kind: 'contend' }>): Promise<void> {
  const store = new FileStore({ path, lockedWithinMs: 30_000 });
  const journal = createJournal(store, { owner: randomUUID() });
  for (let round = 0; round < rounds; round++) {
    const id = `e${(round + process.pid) % entries}`;
    const turn = journal.open({ space: 'saga', name: 'contended', id }).pipe(
      mergeMap((open) => {
        const step = `s${open.records.length}`;
        return concat(open.append({ kind: 'stepDone', at: Date.now(), step, result: process.pid }), of('written'));
      }),
      take(1),
      retry({
        delay: (error) => (error instanceof JournalHeldError ? timer(2 + (process.pid % 7)) : throwError(() => error)),
      }),
    );
    await firstValueFrom(turn);
  }
  await lastValueFrom(store.close(), { defaultValue: undefined });
  say('done');
}

function hold({ path, id, leaseMs }: Extract<Task, { readonly kind: 'hold' }>): void {
  const journal = createJournal(new FileStore({ path }), { owner: randomUUID(), leaseMs });
  journal.open({ space: 'saga', name: 'held', id }).subscribe({
    next: (open) => {
      held = open;
      say('held');
    },
    error: (error: unknown) => say(codeOf(error)),
  });
}
