import { map, of, timer } from 'rxjs';
import { ack, published, retry, returned } from 'sluice/testing';
import { a, b, done, passes, working } from './working.ts';

describe('marbles of a pipeline: broker and worker', () => {
  it(
    'deliver a message again when the connection is cut',
    passes(
      working(() => timer(5).pipe(map(() => 1))),
      ({ deliver, at, broker, expectSettled, expectConsuming }) => {
        deliver('        a', { a });
        at('             --x', { x: () => broker.cutConnections() });
        expectConsuming('t-f 99ms t');
        expectSettled('  --R 104ms A', { R: returned(a), A: ack(a) });
      },
    ),
  );

  it(
    'refuse a publish, which is tried again',
    passes(
      working(() => of(1)),
      ({ deliver, broker, expectPublished, expectSettled }) => {
        broker.nackNextConfirms(1);
        deliver('        a', { a });
        expectPublished('100ms p', { p: published(done, 1) });
        expectSettled('  100ms A', { A: ack(a) });
      },
      { random: () => 0.5 },
    ),
  );

  it(
    'keep results waiting while blocked, or while confirms are held back',
    passes(
      working(() => of(1)),
      ({ deliver, at, broker, expectPublished, expectSettled }) => {
        deliver('        -a---a', { a });
        at('             b-u-h-r', {
          b: () => broker.block(),
          u: () => broker.unblock(),
          h: () => broker.holdConfirms(true),
          r: () => broker.holdConfirms(false),
        });
        expectPublished('--p---p', { p: published(done, 1) });
        expectSettled('  --A---A', { A: ack(a) });
      },
    ),
  );

  it(
    'take a route away, and give it back',
    passes(
      working(() => of(1)),
      ({ deliver, at, broker, expectSettled }) => {
        deliver('        a', { a });
        at('             u-r', { u: () => broker.unroute(done), r: () => broker.route(done) });
        expectSettled('  R 4999ms A', { R: retry(a, '5s', 'ERR_UNROUTABLE'), A: ack(a) });
      },
    ),
  );

  it(
    'end: the worker finishes what runs, and takes nothing more',
    passes(
      working(() => timer(7).pipe(map(() => 1))),
      ({ deliver, at, worker, expectConsuming, expectSettled, expectFacts }) => {
        deliver('        a------b', { a, b });
        at('             -----x', { x: () => worker.stop() });
        expectConsuming('t----f');
        expectSettled('  -------A', { A: ack(a) });
        expectFacts('workerMoved', '(sr)-d-e', {
          s: { state: 'starting' },
          r: { state: 'running' },
          d: { state: 'draining' },
          e: { state: 'stopped' },
        });
        expectFacts('intakeChanged', 't----f', {
          t: { state: 'consuming' },
          f: { state: 'stopped' },
        });
      },
    ),
  );

  it(
    'end: an intake that takes nothing when the worker drains is not told as stopped, and keeps its reason',
    passes(
      working(() => of(1)),
      ({ at, broker, worker, expectConsuming, expectFacts }) => {
        at('             --x--y', { x: () => broker.cutConnections(), y: () => worker.stop() });
        expectConsuming('t-f');
        expectFacts('intakeChanged', 't-p', { t: { state: 'consuming' }, p: { state: 'paused' } });
      },
    ),
  );

  it(
    'end: the worker gives back what has not finished in its grace period',
    passes(
      working(() => timer(60_000)),
      ({ deliver, at, worker, expectSettled }) => {
        deliver('      a', { a });
        at('           -x--y', { x: () => worker.stop(), y: () => worker.hasten() });
        expectSettled('----R', { R: returned(a) });
      },
    ),
  );
});
