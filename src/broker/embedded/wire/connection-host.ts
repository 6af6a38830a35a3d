/** What a connection needs of the server it belongs to. */
import type { HandshakeHost } from './handshake.ts';

/** Of bytes: `up` is towards the broker. */
export type Direction = 'up' | 'down' | 'both';

export interface ConnectionHost extends HandshakeHost {
  /** Frames have been read, or effects are due: run the model's clock and hand out effects. */
  settle(): void;
  wrote(session: Writing): void;
  /** Why publishers are blocked; undefined while they are not. */
  readonly blockedBecause: string | undefined;
}

/** A connection that has something to write out at the end of the turn. */
export interface Writing {
  flush(): void;
}
