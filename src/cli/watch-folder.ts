/** What changes in a folder and in the folders in it. */
import { type FSWatcher, lstatSync, readdirSync, statSync, watch } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { Observable } from 'rxjs';
import { systemCodeOf } from '../errors.ts';

/** Gone meanwhile, or a database's that lies there: nothing is loaded from either. */
const isNotThere = (error: unknown): boolean => ['ENOENT', 'EACCES', 'EPERM'].includes(systemCodeOf(error) ?? '');

/** Packages, and what editors and tools keep for themselves. */
const isNobodys = (name: string): boolean => /^(node_modules|\.)/.test(name);

/**
 * The path of each change, until it is unsubscribed from. A watcher for each folder: Node's own for all of them (`recursive`) watches files one by one
 * on Linux before Node 24, and hears nothing more of one that was saved by putting another in its place, as many editors and git do.
 */
export const watchFolder = (folder: string): Observable<string> =>
  new Observable((subscriber) => {
    const watchers = new Map<string, FSWatcher>();

    const forget = (path: string): void => {
      for (const [watched, watcher] of watchers) {
        if (watched !== path && !watched.startsWith(path + sep)) continue;
        watchers.delete(watched);
        watcher.close();
      }
    };
    const follow = (path: string): void => {
      const watcher = watch(path, (event, name) => {
        if (isNobodys(name ?? '')) return;
        const changed = join(path, name ?? '');
        // It came, went, or another took its place; of what only changed, a folder tells by itself.
        if (event === 'rename' && changed !== path) lookAgain(changed);
        subscriber.next(changed);
      });
      watchers.set(path, watcher);
      // Windows tells the end of a folder so; the one it lies in tells it, too.
      watcher.on('error', (error) => (path === folder ? subscriber.error(error) : forget(path)));
      for (const entry of readdirSync(path, { withFileTypes: true }))
        if (entry.isDirectory() && !isNobodys(entry.name)) lookAgain(join(path, entry.name));
    };
    const lookAgain = (path: string): void => {
      forget(path);
      try {
        // The folder itself may be a link; one in it may lead round in a circle.
        const found = (path === folder ? statSync : lstatSync)(path, { throwIfNoEntry: false });
        if (found?.isDirectory() === true) follow(path);
      } catch (error) {
        if (!isNotThere(error)) subscriber.error(error);
      }
    };
    /** Another comes in the place of the folder itself, from git or by a link: the one it lies in tells that alone. */
    const followAbove = (): FSWatcher | undefined => {
      const whole = resolve(folder);
      try {
        const watcher = watch(dirname(whole), (event, name) => {
          if (event !== 'rename' || name !== basename(whole)) return;
          lookAgain(folder);
          subscriber.next(folder);
        });
        return watcher.on('error', () => watcher.close());
      } catch (error) {
        if (isNotThere(error)) return undefined;
        throw error;
      }
    };

    follow(folder);
    const above = followAbove();
    return () => {
      above?.close();
      forget(folder);
    };
  });
