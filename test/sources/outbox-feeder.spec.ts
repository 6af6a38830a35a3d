import { expect } from 'chai';
import {
  asyncScheduler,
  concat,
  defer,
  EMPTY,
  ignoreElements,
  NEVER,
  Observable,
  ReplaySubject,
  Subject,
  Subscription,
  throwError,
  timer,
} from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { messageOf, OutboxUnavailableError, PublishNackedError, ResultInvalidError } from '../../src/errors.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { silentLogger } from '../../src/log.ts';
import type { OutgoingMessage } from '../../src/message/outgoing.ts';
import { CONFIRM_WITHIN_MS, outboxFeeder } from '../../src/sources/outbox-feeder.ts';
import type { OutboxLane, OutboxRow, OutboxTable } from '../../src/sources/outbox-table.ts';
import type { Fed } from '../../src/sources/source.ts';
import { NO_BROKER } from '../support/no-broker.ts';

const row = (id: number, key: string | null = null, more: Partial<OutboxRow> = {}): OutboxRow => ({
  id: String(id),
  messageId: `m${id}`,
  key,
  body: `{"n":${id}}`,
  headers: {},
  correlationId: null,
  ...more,
});

/** An outbox in memory: its lanes are given in turn, a lane is held until it is sent or given up. */
class FakeTable implements OutboxTable {
  readonly arrivals = new Subject<void>();
  readonly lanes: OutboxRow[][] = [];
  readonly settled: { readonly at: number; readonly ids: readonly string[]; readonly kept?: readonly string[] }[] = [];
  readonly looksAt: number[] = [];
  held = 0;
  isOpen = false;

  takeLane = (maxRows: number) =>
    new Observable<OutboxLane>((sink) => {
      this.looksAt.push(asyncScheduler.now());
      const lane = this.lanes.find((rows) => rows.length > 0);
      if (lane === undefined) {
        sink.complete();
        return undefined;
      }
      this.held++;
      const settle: OutboxLane['settle'] = ({ sent, kept }) =>
        defer(() => {
          this.settled.push({ at: asyncScheduler.now(), ids: sent, ...(kept.length > 0 ? { kept } : {}) });
          for (const id of [...sent, ...kept])
            lane.splice(
              lane.findIndex((one) => one.id === id),
              1,
            );
          sink.complete();
          return EMPTY;
        });
      sink.next({ rows: lane.slice(0, maxRows), settle });
      return () => this.held--;
    });

  open = <T>(use: (table: OutboxTable) => Observable<T>): Observable<T> =>
    new Observable((sink) => {
      this.isOpen = true;
      sink.add(() => (this.isOpen = false));
      sink.add(use(this).subscribe(sink));
    });
}

interface Stage {
  readonly table: FakeTable;
  readonly published: { readonly at: number; readonly message: OutgoingMessage }[];
  /** What was laid among the dead letters, and why. */
  readonly setAside: (readonly [messageId: string | undefined, reason: string])[];
  readonly fed: Fed[];
  /** Completed, or the error, with its frame. */
  end?: { readonly at: number; readonly error?: unknown };
  publish: (message: OutgoingMessage) => Observable<never>;
  onSetAside: (letter: OutgoingMessage) => void;
  drain(): void;
  stop(): void;
  /** Once more, after it has failed. */
  restart(): void;
  at(frame: number, action: () => void): void;
}

const confirmedAfter = (ms: number): Observable<never> => timer(ms).pipe(ignoreElements());

function onStage(script: (stage: Stage) => void, maxRows = 10): Stage {
  const table = new FakeTable();
  const drain = new ReplaySubject<void>(1);
  const stage: Stage = {
    table,
    published: [],
    setAside: [],
    fed: [],
    publish: () => confirmedAfter(10),
    onSetAside: () => {},
    drain: () => drain.next(),
    stop: () => {},
    restart: () => {},
    at: (frame, action) => asyncScheduler.schedule(action, frame),
  };
  new TestScheduler(() => {}).run(({ flush }) => {
    const publish = (message: OutgoingMessage) =>
      defer(() => {
        stage.published.push({ at: asyncScheduler.now(), message });
        return stage.publish(message);
      });
    script(stage);
    const feeding = {
      pipeline: 'p',
      queue: 'p.outbox',
      publish,
      setAside: (letter: OutgoingMessage, error: unknown) =>
        concat(
          confirmedAfter(5),
          defer(() => {
            const { properties } = letter;
            stage.onSetAside(letter);
            stage.setAside.push([properties.messageId, messageOf(error)]);
            return EMPTY;
          }),
        ),
      broker: NO_BROKER,
      journal: createMemoryJournal(),
      log: silentLogger,
      random: () => 0.5,
      drain,
    };
    const running = new Subscription();
    stage.restart = () =>
      running.add(
        outboxFeeder({ title: 't', open: table.open, maxRows, pollMs: 5_000 })
          .feed(feeding)
          .subscribe({
            next: (fed) => stage.fed.push(fed),
            complete: () => (stage.end = { at: asyncScheduler.now() }),
            error: (error: unknown) => (stage.end = { at: asyncScheduler.now(), error }),
          }),
      );
    stage.restart();
    stage.stop = () => running.unsubscribe();
    asyncScheduler.schedule(stage.stop, 100_000);
    flush();
  });
  expect([table.held, table.isOpen], 'lanes held and the table open at the end').to.deep.equal([0, false]);
  return stage;
}

const timeline = ({ published }: Stage) => published.map(({ at, message }) => [at, message.properties.messageId]);

describe('the relay of an outbox', () => {
  it('publishes each row to the queue under its own id, and settles it after the confirm, not before', () => {
    const stage = onStage(({ table }) => {
      table.lanes.push([
        row(1, 'k', {
          correlationId: 'c',
          headers: { a: 'x', n: 1, no: Number.POSITIVE_INFINITY, t: { y: [null, 2] } },
        }),
      ]);
    });
    const [{ message } = expect.fail('nothing was published')] = stage.published;
    expect({ ...message, body: Buffer.from(message.body).toString() }).to.deep.equal({
      exchange: '',
      routingKey: 'p.outbox',
      body: '{"n":1}',
      headers: { a: 'x', n: 1, no: undefined, t: { y: [null, 2] } },
      properties: { messageId: 'm1', correlationId: 'c', contentType: 'application/json', persistent: true },
    });
    expect(stage.table.settled).to.deep.equal([{ at: 10, ids: ['1'] }]);
    expect(stage.fed.filter(({ messages }) => messages > 0)).to.deep.equal([{ messages: 1 }]);
  });

  it('keeps the rows of a key in order, one confirm after the other, and keys side by side', () => {
    const stage = onStage(({ table }) =>
      table.lanes.push([row(1, 'a'), row(2, 'a'), row(3, 'b'), row(4), row(5, 'b'), row(6)]),
    );
    expect(timeline(stage)).to.deep.equal([
      [0, 'm1'],
      [0, 'm3'],
      [0, 'm4'],
      [0, 'm6'],
      [10, 'm2'],
      [10, 'm5'],
    ]);
  });

  it('works off lane after lane, a batch at a time, until none is left', () => {
    const stage = onStage(({ table }) => table.lanes.push([row(1, 'a'), row(2, 'a'), row(3, 'a')], [row(4, 'b')]), 2);
    expect(stage.table.settled).to.deep.equal([
      { at: 20, ids: ['1', '2'] },
      { at: 30, ids: ['3'] },
      { at: 40, ids: ['4'] },
    ]);
  });

  it('looks when it is woken and every few seconds, and once more for whatever woke it meanwhile', () => {
    const stage = onStage(({ table, at }) => {
      at(1_000, () => {
        table.lanes.push([row(1)]);
        table.arrivals.next();
      });
      // While the first is relayed; the pass is over when it finds nothing, so these two make one more.
      at(1_005, () => table.arrivals.next());
      at(1_006, () => table.arrivals.next());
      at(6_500, () => table.lanes.push([row(2)]));
    });
    expect(timeline(stage)).to.deep.equal([
      [1_000, 'm1'],
      [10_000, 'm2'],
    ]);
    expect(stage.table.looksAt.slice(0, 5), 'a lane, none, and once more').to.deep.equal([
      0, 1_000, 1_010, 1_010, 5_000,
    ]);
  });

  it('settles what was confirmed when a row fails, and fails with the cause', () => {
    const stage = onStage((scripted) => {
      scripted.table.lanes.push([row(1, 'a'), row(2, 'b'), row(3, 'b'), row(4, 'a')]);
      scripted.publish = ({ properties }) =>
        properties.messageId === 'm2'
          ? concat(
              confirmedAfter(15),
              throwError(() => new PublishNackedError('full')),
            )
          : confirmedAfter(10);
    });
    expect(stage.table.settled, 'what was under way is done').to.deep.equal([{ at: 20, ids: ['1', '4'] }]);
    expect(stage.end).to.include({ at: 20 });
    expect(stage.end?.error).to.be.instanceOf(PublishNackedError);
    expect(timeline(stage), 'nothing after the failure, of its key least of all').to.deep.equal([
      [0, 'm1'],
      [0, 'm2'],
      [10, 'm4'],
    ]);
  });

  it('lays what AMQP cannot carry among the dead letters, in its turn, and goes on', () => {
    const stage = onStage((scripted) => {
      scripted.table.lanes.push([row(1, 'a'), row(2, 'a'), row(3, 'a'), row(4, 'b')]);
      scripted.publish = ({ properties }) =>
        properties.messageId === 'm2' ? throwError(() => new ResultInvalidError('no')) : confirmedAfter(10);
    });
    expect(stage.setAside).to.deep.equal([['m2', 'no']]);
    expect(timeline(stage)).to.deep.equal([
      [0, 'm1'],
      [0, 'm4'],
      [10, 'm2'],
      [15, 'm3'],
    ]);
    expect(stage.table.settled).to.deep.equal([{ at: 25, ids: ['1', '4', '2', '3'] }]);
    expect(stage.end).to.equal(undefined);
  });

  it('keeps a row whose body is too large for the broker, out of the way of those behind it, and says where it is', () => {
    const letters: OutgoingMessage[] = [];
    const stage = onStage((scripted) => {
      scripted.table.lanes.push([row(1, 'a'), row(2, 'a'), row(3, 'b')]);
      scripted.publish = ({ properties }) =>
        properties.messageId === 'm1'
          ? throwError(() => new ResultInvalidError('body of 20 bytes: the broker allows 10', { maxBodyBytes: 10 }))
          : confirmedAfter(10);
      scripted.onSetAside = (letter) => letters.push(letter);
    });
    expect(stage.setAside).to.deep.equal([
      [
        'm1',
        "body of 20 bytes: the broker allows 10; it stays in row 1 of t, with sent_at = 'infinity'; NULL there relays it again",
      ],
    ]);
    expect(
      letters.map(({ body }) => body.byteLength),
      'the letter is without it',
    ).to.deep.equal([0]);
    expect(stage.table.settled).to.deep.equal([{ at: 15, ids: ['3', '2'], kept: ['1'] }]);
    expect(stage.end, 'the relay goes on').to.equal(undefined);
  });

  it('sets such a row aside though its neighbours fail with the channel that it cost, before it and after it', () => {
    const lost = () => throwError(() => new PublishNackedError('the channel was lost'));
    const stage = onStage((scripted) => {
      scripted.table.lanes.push([row(1, 'a'), row(2, 'b'), row(3, 'c'), row(4, 'a')]);
      let isLost = false;
      scripted.publish = ({ properties }) =>
        defer(() => {
          if (isLost) return confirmedAfter(10);
          scripted.at(5, () => {
            isLost = true;
          });
          const refused = () => throwError(() => new ResultInvalidError('too large', { maxBodyBytes: 10 }));
          return concat(confirmedAfter(5), defer(properties.messageId === 'm2' ? refused : lost));
        });
      scripted.at(1_000, () => scripted.restart());
    });
    expect(stage.setAside.map(([id]) => id)).to.deep.equal(['m2']);
    expect(stage.table.settled.map(({ ids, kept }) => [ids, kept])).to.deep.equal([
      [[], ['2']],
      [['1', '3', '4'], undefined],
    ]);
  });

  it('gives a lane back when the broker confirms nothing', () => {
    const stage = onStage((scripted) => {
      scripted.table.lanes.push([row(1)]);
      scripted.publish = () => NEVER;
    });
    expect(stage.table.settled).to.deep.equal([{ at: CONFIRM_WITHIN_MS, ids: [] }]);
    expect(stage.end?.error).to.be.instanceOf(OutboxUnavailableError);
  });

  it('finishes the lane in hand when the worker drains, takes no other, and completes', () => {
    const stage = onStage(({ table, at, drain }) => {
      table.lanes.push([row(1, 'a'), row(2, 'a')], [row(3, 'b')]);
      at(5, drain);
    });
    expect(stage.table.settled).to.deep.equal([{ at: 20, ids: ['1', '2'] }]);
    expect(stage.end).to.deep.equal({ at: 20 });
  });

  it('rolls back when it is unsubscribed', () => {
    const stage = onStage((scripted) => {
      scripted.table.lanes.push([row(1)]);
      scripted.at(5, () => scripted.stop());
    });
    expect([stage.table.settled, stage.table.lanes[0]?.length]).to.deep.equal([[], 1]);
  });

  it('fails when the connection to the database does', () => {
    const stage = onStage(({ table, at }) => at(5, () => table.arrivals.error(new OutboxUnavailableError('gone'))));
    expect(stage.end).to.include({ at: 5 });
    expect(stage.end?.error).to.be.instanceOf(OutboxUnavailableError);
  });
});
