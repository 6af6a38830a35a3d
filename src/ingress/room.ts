/** Room for requests under way and for their bodies, of which no client takes all: a place and bytes for who may come in, or why there are none. */
import { comeAgain, type Refusal } from './problem.ts';
import { type Share, SharedRoom } from './shared-room.ts';

export interface Stay {
  /** For as long as the request is under way. */
  readonly place: Share;
  /** For as long as its body is held. */
  readonly body: Share;
}

export const full = comeAgain('full', 'there are as many requests under way as there may be', 1);

const crowding = comeAgain(
  'full',
  'this client has as much under way, in requests or in bytes of bodies, as is left for others',
  1,
);

export class Room {
  readonly #places: SharedRoom;
  readonly #bytes: SharedRoom;

  constructor(maxRequests: number, maxHeldBytes: number) {
    this.#places = new SharedRoom(maxRequests);
    this.#bytes = new SharedRoom(maxHeldBytes);
  }

  /** `bytes`: of the body, as they are announced, or as many as there may be. */
  enter(client: string, bytes: number): Stay | Refusal {
    const place = this.#places.take(client, 1);
    if (place === undefined) return this.#places.has(1) ? crowding : full;
    const body = this.#bytes.take(client, bytes);
    if (body !== undefined) return { place, body };
    place.shrinkTo(0);
    return this.#bytes.has(bytes) ? crowding : full;
  }
}
