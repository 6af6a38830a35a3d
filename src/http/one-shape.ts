/**
 * What undici knows of a connection is a literal with a getter, and V8 keeps all of those but the first as dictionaries: whatever a step of a request
 * asks of it, a dozen times for each, is looked up there, by optimised code too. All of one class are asked in place.
 */
import { createRequire } from 'node:module';
import { Socket } from 'node:net';
import type { Client } from 'undici';

const load = createRequire(import.meta.url);

/** A connection over HTTP/1 as undici's client asks it. None of its functions uses `this`. */
interface Context {
  readonly version: string;
  readonly defaultPipelining: number;
  readonly destroyed: boolean;
  readonly write: (request: unknown) => boolean;
  readonly resume: () => void;
  readonly destroy: (reason: unknown, done: () => void) => void;
  readonly busy: (request: unknown) => boolean;
}

class ShapedContext implements Context {
  readonly version: string;
  readonly defaultPipelining: number;
  readonly write: Context['write'];
  readonly resume: Context['resume'];
  readonly destroy: Context['destroy'];
  readonly busy: Context['busy'];
  readonly socket: Socket;

  constructor(made: Context, socket: Socket) {
    this.version = made.version;
    this.defaultPipelining = made.defaultPipelining;
    this.write = made.write;
    this.resume = made.resume;
    this.destroy = made.destroy;
    this.busy = made.busy;
    this.socket = socket;
  }

  get destroyed(): boolean {
    return this.socket.destroyed;
  }
}

const MEMBERS = ['version', 'defaultPipelining', 'destroyed', 'write', 'resume', 'destroy', 'busy'].sort().join();

/** As undici of today makes it: nothing is lost that another might have. */
const isContext = (value: unknown): value is Context =>
  typeof value === 'object' && value !== null && Object.keys(value).sort().join() === MEMBERS;

/** For a client that has just connected. Where undici keeps no such context there, it is left alone. */
export function giveOneShape(client: Client): void {
  const { kHTTPContext, kSocket } = load('undici/lib/core/symbols.js') as Readonly<Record<string, symbol>>;
  if (kHTTPContext === undefined || kSocket === undefined) return;
  const made: unknown = Reflect.get(client, kHTTPContext);
  const socket: unknown = Reflect.get(client, kSocket);
  if (isContext(made) && socket instanceof Socket) Reflect.set(client, kHTTPContext, new ShapedContext(made, socket));
}
