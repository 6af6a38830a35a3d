import type { LifeRef } from '../world-event.ts';
import type { Law } from './law.ts';

interface Waiting {
  readonly delivery: number;
  readonly messageId: string;
}

/** Where a pipeline keeps an order: in one worker, a message starts when all that came before it for its key are settled. */
export const orderPerKey: Law = {
  name: 'order is kept where it is asked for',
  watch: ({ pipelines }) => {
    const ordered = new Set(pipelines.filter(({ order }) => order !== 'none').map(({ name }) => name));
    /** By life, pipeline and key: what is not settled, in order of arrival. */
    const lines = new Map<LifeRef, Map<string, Waiting[]>>();
    const lineOf = (life: LifeRef, name: string): Waiting[] => {
      const ofLife = lines.get(life) ?? new Map<string, Waiting[]>();
      lines.set(life, ofLife);
      const line = ofLife.get(name) ?? [];
      ofLife.set(name, line);
      return line;
    };
    return {
      see: (event) => {
        switch (event.kind) {
          case 'delivered':
            if (event.orderKey !== undefined) lineOf(event.life, `${event.pipeline} ${event.orderKey}`).push(event);
            return undefined;
          case 'settled':
            if (!ordered.has(event.pipeline)) return undefined;
            for (const line of lines.get(event.life)?.values() ?? []) {
              const index = line.findIndex(({ delivery }) => delivery === event.delivery);
              if (index !== -1) line.splice(index, 1);
            }
            return undefined;
          case 'handleStarted': {
            if (!ordered.has(event.pipeline)) return undefined;
            for (const [name, line] of lines.get(event.life) ?? []) {
              if (!name.startsWith(`${event.pipeline} `)) continue;
              const isWaiting = line.some(({ messageId }) => messageId === event.messageId);
              const first = line[0]?.messageId;
              if (!isWaiting || first === event.messageId) continue;
              const text = `${event.pipeline} starts ${event.messageId} before ${first} is settled, which came before it`;
              return { text, messageId: event.messageId };
            }
            return undefined;
          }
          case 'lifeCrashed':
          case 'lifeStopped':
            lines.delete(event.life);
            return undefined;
          default:
            return undefined;
        }
      },
    };
  },
};
