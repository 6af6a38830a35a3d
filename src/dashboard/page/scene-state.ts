/** What of a pipeline is drawn between two moments: messages one by one, or density where they are many. */
import { BIN } from '../bins.ts';
import { sumOf } from './density.tsx';
import type { Group } from './journey-groups.ts';
import { store } from './store.ts';

/** A message takes this much room; where there is less, there is density. */
const ROOM = 11;
/** Most that is drawn one by one. */
const MAX_GROUPS = 600;
export interface SceneState {
  readonly isDense: boolean;
  readonly perSecond: number;
  readonly groups: readonly Group[];
}

/** What of a pipeline is drawn between two moments. */
export function sceneState(pipeline: string, width: number, windowMs: number, end: number): SceneState {
  const from = end - windowMs;
  const messages = sumOf(pipeline, BIN.delivered, from, end);
  const isDense = messages > Math.max(20, width / ROOM);
  const all = store.groups.of(pipeline, from - 1_000, end);
  return {
    isDense,
    perSecond: (messages * 1_000) / windowMs,
    groups: isDense ? oneASecond(all) : all.slice(-MAX_GROUPS),
  };
}

/** Of many, one message a second in full, and the bad ends of the others. */
function oneASecond(groups: readonly Group[]): Group[] {
  let second = -1;
  return groups.filter((group) => {
    if (!group.isWhole || (group.settled !== undefined && group.settled.settlement !== 'ack')) return true;
    const own = Math.floor(group.at / 1_000);
    if (own === second) return false;
    second = own;
    return true;
  });
}
