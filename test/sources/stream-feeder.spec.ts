/** Streams as a source: the feeder on a broker in process, in virtual time. */
import { expect } from 'chai';
import { asyncScheduler, concat, ignoreElements, NEVER, ReplaySubject, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import type { Broker } from '../../src/broker/broker.ts';
import { createEmbeddedPort } from '../../src/broker/embedded/embedded-port.ts';
import { InProcessBroker } from '../../src/broker/embedded/port/in-process-broker.ts';
import { sourceTopology } from '../../src/broker/source-topology.ts';
import { DefinitionError } from '../../src/errors.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import type { Logger } from '../../src/log.ts';
import type { OutgoingMessage } from '../../src/message/outgoing.ts';
import type { Fed } from '../../src/sources/source.ts';
import { type StreamOptions, stream } from '../../src/sources/stream.ts';

/** One worker's feeder. */
interface Running {
  readonly fed: Fed[];
  readonly errors: unknown[];
  readonly warnings: object[];
  isDone: boolean;
  drain(): void;
  /** As a process that is killed: its connection goes. */
  crash(): void;
}

interface Stage {
  readonly broker: InProcessBroker;
  feed(): Running;
  publish(...bodies: readonly string[]): void;
  at(frame: number, action: () => void): void;
  /** Bodies of what lies in the pipeline's queue, oldest first. */
  readonly copies: readonly string[];
  readonly copied: readonly OutgoingMessage[];
  ready(queue: string): number;
}

const QUEUE = 'audit.stream';
const PLACE = 'audit.stream.place';

/** `confirmAfterMs`: how long the broker takes to confirm a copy. */
function onStage(
  script: (stage: Stage) => void,
  options: StreamOptions = {},
  untilMs = 60_000,
  { confirmAfterMs = 0 }: { readonly confirmAfterMs?: number } = {},
): void {
  new TestScheduler(() => {}).run(({ flush }) => {
    const broker = new InProcessBroker({ random: () => 0.5 });
    const source = stream('events', { from: 'first', ...options }).resolve('audit');
    const admin = createEmbeddedPort(broker);
    const copied: OutgoingMessage[] = [];
    const ports: Broker[] = [admin];
    const workers: Running[] = [];
    const stage: Stage = {
      broker,
      copied,
      get copies() {
        return copied.map(({ body }) => Buffer.from(body).toString());
      },
      ready: (queue) => broker.model.queueDepth(queue).ready,
      publish: (...bodies) => {
        for (const body of bodies)
          admin
            .publish({ exchange: '', routingKey: 'events', body: Buffer.from(body), headers: {}, properties: {} })
            .subscribe();
      },
      at: (frame, action) => asyncScheduler.schedule(action, frame),
      feed: () => {
        const port = createEmbeddedPort(broker);
        ports.push(port);
        const drain = new ReplaySubject<void>(1);
        const warnings: object[] = [];
        const log = { warn: (fields: object) => warnings.push(fields) } as unknown as Logger;
        const running: Running = {
          fed: [],
          errors: [],
          warnings,
          isDone: false,
          drain: () => drain.next(),
          crash: () => {
            // The connection goes first: nothing it holds can be given back.
            port.close({ withinMs: 0 }).subscribe();
            work.unsubscribe();
          },
        };
        const work = source.feeder
          ?.feed({
            pipeline: 'audit',
            queue: source.name,
            broker: port,
            publish: (message) => {
              if (message.routingKey !== QUEUE) return port.publish(message);
              copied.push(message);
              return confirmAfterMs === 0
                ? port.publish(message)
                : concat(port.publish(message), timer(confirmAfterMs).pipe(ignoreElements()));
            },
            setAside: () => NEVER,
            journal: createMemoryJournal(),
            log,
            random: () => 0.5,
            drain,
          })
          .subscribe({
            next: (fed) => running.fed.push(fed),
            error: (error: unknown) => running.errors.push(error),
            complete: () => (running.isDone = true),
          }) ?? { unsubscribe: () => {} };
        workers.push(running);
        return running;
      },
    };
    admin.establish(sourceTopology(source), 'assert').subscribe({ complete: () => script(stage) });
    asyncScheduler.schedule(() => {
      for (const worker of workers) worker.crash();
      for (const port of ports) port.close({ withinMs: 0 }).subscribe();
    }, untilMs);
    flush();
  });
}

describe('a stream as a source', () => {
  it('is copied into the queue of the pipeline in its order, each message once, under an id of its own', () => {
    onStage((stage) => {
      stage.publish('a', 'b', 'c');
      const worker = stage.feed();
      stage.at(5_000, () => stage.publish('d'));
      stage.at(6_000, () => {
        expect(stage.copies).to.deep.equal(['a', 'b', 'c', 'd']);
        expect(stage.copied.map(({ properties }) => properties.messageId)).to.deep.equal([
          'events-0',
          'events-1',
          'events-2',
          'events-3',
        ]);
        expect(stage.copied.every(({ properties }) => properties.persistent)).to.equal(true);
        expect(worker.fed.reduce((sum, { messages }) => sum + messages, 0)).to.equal(4);
        expect(worker.errors).to.deep.equal([]);
      });
    });
  });

  it('is read by one worker at a time, and by the next from where the first one stood', () => {
    onStage((stage) => {
      const first = stage.feed();
      stage.at(3_000, () => stage.publish('a', 'b'));
      stage.at(4_000, () => stage.feed());
      stage.at(5_000, () => stage.publish('c'));
      // More than a second after the last copy: it is written where it stands.
      stage.at(8_000, () => first.crash());
      stage.at(9_000, () => stage.publish('d'));
      stage.at(20_000, () => expect(stage.copies).to.deep.equal(['a', 'b', 'c', 'd']));
    });
  });

  it('copies again what a worker had copied and not written down, under the same ids', () => {
    onStage((stage) => {
      const first = stage.feed();
      stage.at(3_500, () => stage.publish('a'));
      stage.at(5_100, () => stage.publish('b'));
      stage.at(5_150, () => {
        expect(stage.copies).to.deep.equal(['a', 'b']);
        first.crash();
      });
      stage.at(6_000, () => stage.feed());
      stage.at(20_000, () => {
        expect(stage.copies).to.deep.equal(['a', 'b', 'b']);
        expect(stage.copied.map(({ properties }) => properties.messageId)).to.deep.equal([
          'events-0',
          'events-1',
          'events-1',
        ]);
      });
    });
  });

  it('writes down where it stands before it lets go, when its worker drains', () => {
    onStage((stage) => {
      const first = stage.feed();
      stage.at(5_100, () => stage.publish('a', 'b'));
      stage.at(5_150, () => first.drain());
      stage.at(5_200, () => {
        expect(first.isDone).to.equal(true);
        expect(stage.ready(PLACE)).to.equal(1);
        stage.publish('c');
        stage.feed();
      });
      stage.at(20_000, () => expect(stage.copies).to.deep.equal(['a', 'b', 'c']));
    });
  });

  it('keeps one message as its place, however often it moves and whoever holds it', () => {
    onStage((stage) => {
      const workers = [stage.feed(), stage.feed(), stage.feed()];
      for (let n = 0; n < 20; n++) stage.at(3_000 + n * 500, () => stage.publish(`m${n}`));
      stage.at(6_000, () => workers[0]?.crash());
      stage.at(9_000, () => workers[1]?.drain());
      stage.at(20_000, () => workers[2]?.drain());
      stage.at(21_000, () => {
        expect(stage.ready(PLACE)).to.equal(1);
        expect(new Set(stage.copies).size).to.equal(20);
      });
    });
  });

  it('begins with what comes next, and after a pause with what came meanwhile', () => {
    onStage(
      (stage) => {
        stage.publish('before');
        // Moments in a stream are seconds.
        let first: Running | undefined;
        stage.at(2_000, () => {
          first = stage.feed();
        });
        stage.at(4_500, () => first?.drain());
        stage.at(5_000, () => stage.publish('meanwhile'));
        stage.at(8_000, () => stage.feed());
        stage.at(20_000, () => expect(stage.copies).to.deep.equal(['meanwhile']));
      },
      { from: 'next' },
    );
  });

  it('begins at an offset where it is told to', () => {
    onStage(
      (stage) => {
        stage.publish('a', 'b', 'c');
        stage.feed();
        stage.at(10_000, () => expect(stage.copies).to.deep.equal(['b', 'c']));
      },
      { from: 1 },
    );
  });

  it('pauses while enough copies wait, and goes on when they are handled', () => {
    onStage(
      (stage) => {
        stage.publish(...Array.from({ length: 3_000 }, (_, n) => `m${n}`));
        stage.feed();
        stage.at(10_000, () => {
          expect(stage.ready(QUEUE)).to.be.within(100, 100 + 512);
          const channel = stage.broker.model.openChannel(stage.broker.model.openConnection('x'), () => {});
          stage.broker.run((model) => model.purgeQueue(channel, QUEUE));
        });
        stage.at(20_000, () => {
          expect(stage.ready(QUEUE)).to.be.within(100, 100 + 512);
          expect(stage.copies.length).to.be.within(200, 200 + 2 * 512);
          expect(stage.copies).to.deep.equal(Array.from({ length: stage.copies.length }, (_, n) => `m${n}`));
        });
      },
      { ahead: 100 },
    );
  });

  it('goes on after its connection was cut, and copies nothing that is written down again', () => {
    onStage((stage) => {
      stage.publish('a');
      stage.feed();
      stage.at(6_000, () => stage.broker.cutConnections());
      stage.at(10_000, () => stage.publish('b'));
      stage.at(20_000, () => expect(stage.copies).to.deep.equal(['a', 'b']));
    });
  });

  it('says which messages were gone before it read them', () => {
    onStage(
      (stage) => {
        stage.publish('aaaaaaaaaa');
        const first = stage.feed();
        stage.at(5_000, () => first.drain());
        stage.at(6_000, () => stage.publish(...['bbbbbbbbbb', 'cccccccccc', 'dddddddddd', 'eeeeeeeeee']));
        let second: Running | undefined;
        stage.at(7_000, () => {
          second = stage.feed();
        });
        stage.at(20_000, () => {
          expect(stage.copies).to.deep.equal(['aaaaaaaaaa', 'dddddddddd', 'eeeeeeeeee']);
          expect(second?.warnings).to.deep.equal([{ stream: 'events', from: 1, to: 2 }]);
        });
      },
      { maxBytes: 20 },
    );
  });

  it('says nothing of messages that wait their turn while earlier ones are copied', () => {
    onStage(
      (stage) => {
        stage.publish('a');
        const worker = stage.feed();
        for (const [n, body] of ['b', 'c', 'd', 'e'].entries()) stage.at(5_000 + 50 * n, () => stage.publish(body));
        stage.at(20_000, () => {
          expect(stage.copies).to.deep.equal(['a', 'b', 'c', 'd', 'e']);
          expect(worker.warnings).to.deep.equal([]);
        });
      },
      {},
      60_000,
      { confirmAfterMs: 300 },
    );
  });

  it('fails with the reason where the stream cannot be read, and lets another try', () => {
    onStage(
      (stage) => {
        const worker = stage.feed();
        stage.at(10_000, () => {
          expect(worker.errors.map(String)).to.match(/stream "events" cannot be read: .*no queue 'events'/);
          expect(stage.ready(PLACE)).to.equal(1);
        });
      },
      { declare: false },
    );
  });

  it('names every wrong option', () => {
    const make = (): unknown => stream('', { from: -1, maxAge: '7 days', ahead: 1, declare: 'yes' as never });
    let paths: readonly string[] = [];
    try {
      make();
    } catch (error) {
      if (error instanceof DefinitionError) paths = error.problems.map(({ path }) => path);
    }
    expect(paths).to.have.members(['name', 'from', 'maxAge', 'ahead', 'declare']);
  });
});
