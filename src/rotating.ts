/**
 * Secrets that others show us: where they stand in a file they are looked at again while we run. An API tells us that a key is old by refusing it; of
 * what we compare ourselves nobody tells us anything, so it is asked by time, when it is needed: no timer, and no file read for each request.
 */
import { asyncScheduler } from 'rxjs';
import { messageOf } from './errors.ts';
import type { Logger } from './log.ts';
import { canChange, currentValue, isSetting, type Secret, type Setting } from './setting.ts';

const LOOK_EVERY_MS = 5_000;
/** A file that was found changed may be half-written, one that is missing about to be there. */
const LOOK_AGAIN_MS = 1_000;
/** A look that lies further back tells nothing of what counted lately: what is found then counts at once. With the second look that makes 10 s in all. */
const LONG_AGO_MS = 9_000;

/**
 * What `take` makes of a secret, as it is now: of one that was replaced in its file the old one counts for 10 s at most, and so long the new one may have to
 * wait. What is there for one look alone is passed over. While there is none, or one that `take` throws at, the last good one counts on, told once.
 * @throws what reading and `take` throw, at once.
 */
export function rotating<T>(source: Secret | Setting<Secret>, take: (secret: Secret) => T, log: Logger): () => T {
  let secret = currentValue<Secret>(source);
  let taken = take(secret);
  if (!isSetting(source) || !canChange(source)) return () => taken;
  let lookedAt = asyncScheduler.now();
  let waitMs = LOOK_EVERY_MS;
  let isSeen = false;
  let isTold = false;

  const look = (agoMs: number): void => {
    const found = source.read();
    if (found.reveal() === secret.reveal()) {
      isSeen = false;
      return;
    }
    const next = take(found);
    isSeen = !isSeen && agoMs < LONG_AGO_MS;
    if (isSeen) return;
    [secret, taken] = [found, next];
    log.info({ setting: source.name }, 'a secret was replaced');
  };

  return () => {
    const now = asyncScheduler.now();
    const agoMs = now - lookedAt;
    // Below 0 where the clock was set back.
    if (agoMs >= 0 && agoMs < waitMs) return taken;
    lookedAt = now;
    try {
      look(agoMs);
      isTold = false;
      waitMs = isSeen ? LOOK_AGAIN_MS : LOOK_EVERY_MS;
    } catch (error) {
      isSeen = false;
      waitMs = LOOK_AGAIN_MS;
      if (!isTold) log.warn({ setting: source.name, reason: messageOf(error) }, KEPT);
      isTold = true;
    }
    return taken;
  };
}

const KEPT = 'a secret cannot be read again: the last good one counts on';
