import { expect } from 'chai';
import {
  asyncScheduler,
  concat,
  defer,
  EMPTY,
  ignoreElements,
  NEVER,
  type Observable,
  ReplaySubject,
  type Subscription,
  throwError,
  timer,
} from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { JournalUnavailableError, PublishNackedError } from '../../src/errors.ts';
import { createJournal } from '../../src/journal/create-journal.ts';
import { MemoryStore } from '../../src/journal/memory-store.ts';
import { silentLogger } from '../../src/log.ts';
import type { OutgoingMessage } from '../../src/message/outgoing.ts';
import { firingFeeder } from '../../src/sources/firing-feeder.ts';
import { evenTimes } from '../../src/sources/firing-times.ts';
import { NO_BROKER } from '../support/no-broker.ts';

const PERIOD_MS = 10_000;

interface Published {
  readonly at: number;
  readonly worker: string;
  readonly scheduledAt: number;
  readonly id: string | undefined;
}

interface FeederOptions {
  readonly publish?: (message: OutgoingMessage) => Observable<never>;
  readonly catchUp?: boolean;
  readonly title?: string;
  readonly pipeline?: string;
  readonly periodMs?: number;
  /** Loses its connection to the journal as soon as it has published. */
  readonly isDeadAfterPublish?: boolean;
}

interface FeederRun {
  readonly errors: unknown[];
  readonly endedAt: () => number | undefined;
  drain(): void;
  /** As a crash does it: its leases stay until they are over. */
  crash(): void;
  unsubscribe(): void;
}

interface Stage {
  readonly published: Published[];
  readonly store: MemoryStore;
  feed(worker: string, options?: FeederOptions): FeederRun;
  at(frame: number, action: () => void): void;
}

const confirmed = (): Observable<never> => timer(5).pipe(ignoreElements());

/** Workers that share a journal, in virtual time that begins at 0 and ends at `untilMs`. */
function onStage(untilMs: number, script: (stage: Stage) => void): Stage {
  const store = new MemoryStore();
  const published: Published[] = [];
  let stage: Stage | undefined;
  new TestScheduler(() => {}).run(({ flush }) => {
    const running: Subscription[] = [];
    const feed: Stage['feed'] = (worker, options = {}) => {
      const {
        publish = confirmed,
        catchUp = true,
        title = 'every 10s',
        pipeline = 'report',
        periodMs = PERIOD_MS,
      } = options;
      let isDead = false;
      const gone = <T>(work: Observable<T>): Observable<T> => defer(() => (isDead ? NEVER : work));
      const mortal = new Proxy(store, {
        get: (target, name) => {
          const member: unknown = Reflect.get(target, name);
          return typeof member === 'function'
            ? (...args: unknown[]) => gone(Reflect.apply(member, target, args) as Observable<unknown>)
            : member;
        },
      });
      const drain = new ReplaySubject<void>(1);
      const errors: unknown[] = [];
      let endedAt: number | undefined;
      const run = firingFeeder({ title, times: evenTimes(periodMs), catchUp })
        .feed({
          pipeline,
          queue: `${pipeline}.firings`,
          setAside: () => NEVER,
          broker: NO_BROKER,
          journal: createJournal(mortal, { owner: worker }),
          log: silentLogger,
          random: () => 0,
          drain,
          publish: (message) =>
            concat(
              publish(message),
              defer(() => {
                isDead ||= options.isDeadAfterPublish === true;
                const { scheduledAt } = JSON.parse(Buffer.from(message.body).toString()) as { scheduledAt: string };
                published.push({
                  at: asyncScheduler.now(),
                  worker,
                  scheduledAt: Date.parse(scheduledAt),
                  id: message.properties.messageId,
                });
                return EMPTY;
              }),
            ),
        })
        .subscribe({ error: (error: unknown) => errors.push(error), complete: () => (endedAt = asyncScheduler.now()) });
      running.push(run);
      const crash = (): void => {
        isDead = true;
        run.unsubscribe();
      };
      return { errors, endedAt: () => endedAt, drain: () => drain.next(), crash, unsubscribe: () => run.unsubscribe() };
    };
    stage = { published, store, feed, at: (frame, action) => asyncScheduler.schedule(action, frame) };
    script(stage);
    asyncScheduler.schedule(() => {
      for (const run of running) run.unsubscribe();
    }, untilMs);
    flush();
  });
  return stage ?? expect.fail('the script did not run');
}

const scheduled = ({ published }: Stage): number[] => published.map(({ scheduledAt }) => scheduledAt);

describe('the feeder of a schedule', () => {
  it('publishes each firing when it is due, named by its moment', () => {
    const stage = onStage(35_000, ({ feed }) => feed('one'));
    expect(stage.published.map(({ at, scheduledAt }) => [at, scheduledAt])).to.deep.equal([
      [10_005, 10_000],
      [20_005, 20_000],
      [30_005, 30_000],
    ]);
    expect(new Set(stage.published.map(({ id }) => id)).size).to.equal(3);
    const again = onStage(15_000, ({ feed }) => feed('another'));
    expect(again.published[0]?.id, 'the id is the same on every worker').to.equal(stage.published[0]?.id);
    const other = onStage(15_000, ({ feed }) => feed('one', { pipeline: 'other' }));
    expect(other.published[0]?.id, 'pipelines have ids of their own').to.not.equal(stage.published[0]?.id);
  });

  it('publishes each firing once, however many workers share the journal', () => {
    const stage = onStage(100_500, ({ feed, at }) => {
      for (const worker of ['one', 'two', 'three']) feed(worker);
      at(25_000, () => feed('late'));
    });
    expect(scheduled(stage)).to.deep.equal([10, 20, 30, 40, 50, 60, 70, 80, 90, 100].map((second) => second * 1_000));
  });

  it('follows a worker that died with a firing in hand: published again under its id, unless its successor is due by then', () => {
    // Confirmed, and dead before it was written down; the lease runs for 30 s from 10 s on.
    const hourly = 3_600_000;
    const follow = (periodMs: number) =>
      onStage(periodMs + 45_000, ({ feed, at }) => {
        const dying = feed('dying', { periodMs, publish: () => confirmed(), isDeadAfterPublish: true });
        at(periodMs - 1, () => feed('other', { periodMs }));
        at(periodMs + 6, () => dying.crash());
      });
    const repeated = follow(hourly);
    expect(repeated.published.map(({ worker, scheduledAt }) => [worker, scheduledAt])).to.deep.equal([
      ['dying', hourly],
      ['other', hourly],
    ]);
    expect(repeated.published[1]?.id).to.equal(repeated.published[0]?.id);
    const left = follow(PERIOD_MS);
    expect(left.published.map(({ worker, scheduledAt }) => [worker, scheduledAt]).slice(0, 3)).to.deep.equal([
      ['dying', 10_000],
      ['other', 20_000],
      ['other', 30_000],
    ]);
  });

  it('waits for a firing that another worker has in hand, and leaves it to that one', () => {
    const stage = onStage(19_000, ({ feed }) => {
      feed('slow', { publish: () => timer(4_000).pipe(ignoreElements()) });
      feed('quick');
    });
    expect(stage.published.map(({ at, worker }) => [at, worker])).to.deep.equal([[14_000, 'slow']]);
  });

  it('makes up for the last firing that was missed, and for none before', () => {
    const stage = onStage(100_000, ({ feed, at }) => {
      const first = feed('first');
      at(15_000, () => first.unsubscribe());
      at(47_000, () => feed('second'));
      at(52_000, () => feed('third'));
    });
    expect(stage.published.slice(0, 4).map(({ at, worker, scheduledAt }) => [at, worker, scheduledAt])).to.deep.equal([
      [10_005, 'first', 10_000],
      [47_005, 'second', 40_000],
      [50_005, 'second', 50_000],
      [60_005, 'second', 60_000],
    ]);
  });

  it('makes up for nothing where that is not asked for, nor for a schedule that nobody knew', () => {
    const unasked = onStage(49_000, ({ feed, at }) => {
      const first = feed('first', { catchUp: false });
      at(15_000, () => first.unsubscribe());
      at(47_000, () => feed('second', { catchUp: false }));
    });
    expect(scheduled(unasked)).to.deep.equal([10_000]);
    const changed = onStage(49_000, ({ feed, at }) => {
      const first = feed('first');
      at(15_000, () => first.unsubscribe());
      at(47_000, () => feed('second', { title: 'schedule */10 * * * * * UTC' }));
    });
    expect(scheduled(changed)).to.deep.equal([10_000]);
  });

  it('leaves what is late by then to its successor', () => {
    let calls = 0;
    const stage = onStage(60_000, ({ feed }) => {
      feed('slow', { publish: () => (++calls === 1 ? timer(25_000).pipe(ignoreElements()) : confirmed()) });
    });
    // 10 000 takes until 35 000; 20 000 is late by then, 30 000 is the latest.
    expect(stage.published.map(({ at, scheduledAt }) => [at, scheduledAt])).to.deep.equal([
      [35_000, 10_000],
      [35_005, 30_000],
      [40_005, 40_000],
      [50_005, 50_000],
    ]);
  });

  it('fails with the publish, having written nothing down, so that the firing comes with the next try', () => {
    const stage = onStage(19_000, ({ feed, at }) => {
      const refused = feed('one', { publish: () => throwError(() => new PublishNackedError('full')) });
      at(12_000, () => {
        expect(refused.errors[0]).to.be.instanceOf(PublishNackedError);
        feed('one again');
      });
    });
    expect(stage.published.map(({ at, scheduledAt }) => [at, scheduledAt])).to.deep.equal([[12_005, 10_000]]);
  });

  it('fails while the journal cannot be asked, and publishes nothing', () => {
    const stage = onStage(19_000, ({ feed, store, at }) => {
      const feeding = feed('one');
      at(9_000, () => {
        store.acquire = () => throwError(() => new JournalUnavailableError('away'));
      });
      at(18_000, () => expect(feeding.errors[0]).to.be.instanceOf(JournalUnavailableError));
    });
    expect(stage.published).to.deep.equal([]);
  });

  it('does not wait for a firing that another worker has in hand when the worker drains', () => {
    let feeding: FeederRun | undefined;
    onStage(60_000, ({ feed, at }) => {
      feed('slow', { publish: () => timer(4_000).pipe(ignoreElements()) });
      feeding = feed('quick');
      at(11_000, () => feeding?.drain());
    });
    expect(feeding?.endedAt()).to.be.within(11_000, 11_500);
  });

  it('finishes the firing in hand when the worker drains, and completes', () => {
    let feeding: FeederRun | undefined;
    const stage = onStage(60_000, ({ feed, at }) => {
      feeding = feed('one', { publish: () => timer(3_000).pipe(ignoreElements()) });
      at(11_000, () => feeding?.drain());
    });
    expect(scheduled(stage)).to.deep.equal([10_000]);
    expect(feeding?.endedAt()).to.equal(13_000);
  });
});
