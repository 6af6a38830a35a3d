/**
 * The stream to one browser, as server-sent events. It is not pushed what happened: it is told that something may have, takes what it has
 * not seen out of what the model keeps anyway, and is told again when that has gone out. So a browser that reads slowly, or not at all,
 * makes the worker hold one number for it, and finds out by `isFresh` that it missed something.
 */
import { asyncScheduler, interval, type Observable, startWith, takeUntil } from 'rxjs';
import { latestValueFrom } from 'rxjs-for-await';
import type { Cursor } from './model.ts';
import type { Frame } from './wire.ts';

const TICK_MS = 200;
/** Views are whole, so they are sent less often than what is new. */
const VIEWS_EVERY_MS = 1_000;
/** A frame without anything new, so that both sides know the other is there. */
const SILENCE_MS = 2_000;

/** What a browser can take from where it is. */
export interface Framed {
  frame(cursor: Cursor | undefined, isWhole: boolean): { readonly frame: Frame; readonly cursor: Cursor };
}

/** @param lastEventId what a browser that comes back has seen. */
export async function* eventStream(
  model: Framed,
  gone: Observable<unknown>,
  lastEventId?: string,
): AsyncGenerator<string, void, undefined> {
  let cursor = cursorOf(lastEventId);
  let viewsAt = Number.NEGATIVE_INFINITY;
  let sentAt = Number.NEGATIVE_INFINITY;
  const ticks = interval(TICK_MS).pipe(startWith(-1), takeUntil(gone));
  for await (const _ of latestValueFrom(ticks)) {
    const now = asyncScheduler.now();
    const isWhole = now - viewsAt >= VIEWS_EVERY_MS;
    const next = model.frame(cursor, isWhole);
    cursor = next.cursor;
    if (isWhole) viewsAt = now;
    else if (isEmpty(next.frame) && now - sentAt < SILENCE_MS) continue;
    sentAt = now;
    yield `id: ${next.cursor.seq}.${next.cursor.bin}\ndata: ${JSON.stringify(next.frame)}\n\n`;
  }
}

const isEmpty = ({ isFresh, events, bins }: Frame): boolean =>
  !isFresh && events.length === 0 && Object.keys(bins).length === 0;

/** A stranger may have written it: what is no place in the stream is none. */
function cursorOf(lastEventId: string | undefined): Cursor | undefined {
  const [, seq, bin] = /^(\d{1,16})\.(\d{1,15})$/.exec(lastEventId ?? '') ?? [];
  return seq === undefined || bin === undefined ? undefined : { seq: Number(seq), bin: Number(bin) };
}
