/**
 * A browser that ceases to read while much happens, beside one that reads: over real sockets, until what the system takes for it is full. A
 * minute of it in Chromium is `npm run stalled`.
 */
import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { filter, firstValueFrom, type Observable, Subject } from 'rxjs';
import { eventStream } from '../../src/dashboard/event-stream.ts';
import { DashboardModel } from '../../src/dashboard/model.ts';
import type { Frame } from '../../src/dashboard/wire.ts';
import { createFacts } from '../../src/events.ts';
import { silentLogger } from '../../src/log.ts';
import { type ManagementServer, startManagementServer } from '../../src/management/management-server.ts';

/** Facts of a round, about a megabyte together: what a browser is not sent must not be held either. */
const FACTS = 250;
const REASON = 'r'.repeat(4_000);
/** More than the model keeps. */
const TOO_MANY = 6_001;
const MB = 2 ** 20;

interface Reader {
  readonly socket: Socket;
  readonly frames: Observable<Frame>;
  /** Every frame so far. */
  seen: Pick<Frame, 'seq' | 'isFresh'>[];
  bytes: number;
}

describe('a browser that ceases to read', () => {
  const model = new DashboardModel([]);
  const facts = createFacts();
  const listening = model.listen(facts);
  /** Frames that were made for each stream, in the order they were opened. */
  const made: number[] = [];
  const opened: Socket[] = [];
  let server: ManagementServer;

  before(async () => {
    server = await startManagementServer({
      host: '127.0.0.1',
      port: 0,
      token: undefined,
      log: silentLogger,
    });
    server.serve([
      {
        method: 'GET',
        path: '/events',
        answer: () => ({
          contentType: 'text/event-stream',
          texts: async function* (gone) {
            const place = made.push(0) - 1;
            for await (const text of eventStream(model, gone)) {
              made[place] = (made[place] ?? 0) + 1;
              yield text;
            }
          },
        }),
      },
    ]);
  });
  after(async () => {
    for (const socket of opened) socket.destroy();
    await server.close();
    listening.unsubscribe();
  });

  const look = async (): Promise<Reader> => {
    const { hostname, port, host } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    opened.push(socket);
    const frames = new Subject<Frame>();
    const reader: Reader = { socket, frames, seen: [], bytes: 0 };
    let rest = '';
    socket.setEncoding('latin1');
    socket.on('error', () => undefined);
    socket.on('data', (text: string) => {
      reader.bytes += text.length;
      // Lines of the chunked encoding stand between the events, and break them.
      const events = (rest + text).split('\n\n');
      rest = events.pop() ?? '';
      for (const event of events) {
        const data = event.slice(event.indexOf('data: ') + 6).replace(/\r\n[0-9a-f]+\r\n/g, '');
        const frame = JSON.parse(data) as Frame;
        reader.seen.push({ seq: frame.seq, isFresh: frame.isFresh });
        frames.next(frame);
      }
    });
    socket.write(`GET /events HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
    await firstValueFrom(frames);
    return reader;
  };
  const flow = (count: number, reason: string): void => {
    for (let n = 0; n < count; n++)
      facts.report({ type: 'intakeChanged', at: Date.now(), pipeline: 'orders', state: 'paused', reason });
  };
  const latest = ({ frames }: Reader): Promise<Frame> => {
    const { seq } = model.frame(undefined, false).frame;
    return firstValueFrom(frames.pipe(filter((frame) => frame.seq >= seq)));
  };

  it('costs the worker one frame, takes nothing from others, and sees how things stand when it reads again', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const heldMb = (): number => {
      collect();
      const { heapUsed, external } = process.memoryUsage();
      return (heapUsed + external) / MB;
    };
    const reading = await look();
    const stalled = await look();
    // What the model keeps is there before anything is measured.
    flow(TOO_MANY, 'r');
    await Promise.all([latest(reading), latest(stalled)]);
    const before = heldMb();
    reading.seen = [];
    stalled.seen = [];

    stalled.socket.pause();
    const roundsUntil = async (isOver: () => boolean): Promise<void> => {
      for (let round = 0; round < 400 && !isOver(); round++) {
        const told = latest(reading);
        flow(FACTS, REASON);
        await told;
      }
      expect(isOver(), 'the system takes no more for it').to.equal(true);
    };
    let unchanged = 0;
    let known = made[1] ?? 0;
    await roundsUntil(() => {
      unchanged = made[1] === known ? unchanged + 1 : 0;
      known = made[1] ?? 0;
      return unchanged >= 8;
    });
    const grownMb = heldMb() - before;
    // Of what was told since it has been full, the worker would hold eight frames by now.
    expect(grownMb, 'megabytes more').to.be.lessThan(4);
    expect(
      reading.seen.some(({ isFresh }) => isFresh),
      'the other one has missed something',
    ).to.equal(false);

    flow(TOO_MANY, 'r');
    await latest(reading);
    expect(made[1], 'frames are made for who takes them').to.equal(known);
    const told = latest(stalled);
    stalled.socket.resume();
    const frame = await told;
    expect(stalled.bytes, 'what it missed is not made up for').to.be.lessThan(reading.bytes - 8 * MB * 0.9);
    expect(stalled.seen.at(-1)?.seq).to.equal(frame.seq);
    expect(
      stalled.seen.some(({ isFresh }) => isFresh),
      'it is told to begin anew',
    ).to.equal(true);
  });
});
