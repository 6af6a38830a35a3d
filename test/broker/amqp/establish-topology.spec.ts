/** How topology is asked for: side by side in rounds, each on a channel of its own, over channels that answer, refuse or keep silent. */
import { EventEmitter } from 'node:events';
import type { Channel, ChannelModel } from 'amqplib';
import { expect } from 'chai';
import { AsyncSubject } from 'rxjs';
import sinon from 'sinon';
import { createAsking } from '../../../src/broker/amqp/asking.ts';
import { establishTopology, SideBySide } from '../../../src/broker/amqp/establish-topology.ts';
import type { Link } from '../../../src/broker/amqp/link.ts';
import { openDeclarer } from '../../../src/broker/amqp/open-declarer.ts';
import { createEmbeddedBroker } from '../../../src/broker/embedded/embedded-broker.ts';
import { queue } from '../../../src/broker/queue.ts';
import { sourceTopology } from '../../../src/broker/source-topology.ts';
import type { Topology } from '../../../src/broker/topology.ts';

/** What the broker makes of a declaration, after as many milliseconds. */
type Answer = { readonly afterMs: number; readonly refusal?: string } | 'silence';

const RPC_TIMEOUT_MS = 1_000;

/** A link whose broker answers as told, and what was asked of it. `open` is told of each channel which one it is, from 0. */
function linkTo(
  answerTo: (subject: string) => Answer,
  open: (nth: number) => Answer = () => ({ afterMs: 0 }),
  maxChannels = 2_047,
) {
  const events: string[] = [];
  let underWay = 0;
  let most = 0;
  let asked = 0;
  let channels = 0;
  let closed = 0;
  const givenUp: string[] = [];
  const lost = new AsyncSubject<string>();
  const asking = createAsking(RPC_TIMEOUT_MS, (reason) => givenUp.push(reason));

  const channel = (): Channel => {
    const name = channels++;
    let isBusy = false;
    const declare = async (subject: string): Promise<void> => {
      expect(isBusy, `${subject} waits for another answer on channel ${name}`).to.equal(false);
      isBusy = true;
      underWay++;
      most = Math.max(most, underWay);
      events.push(subject);
      const answer = answerTo(subject);
      if (answer === 'silence') return new Promise(() => {});
      await new Promise((resolve) => setTimeout(resolve, answer.afterMs));
      underWay--;
      isBusy = false;
      if (answer.refusal !== undefined) throw Object.assign(new Error(answer.refusal), { code: 406 });
    };
    const made = {
      assertExchange: (exchange: string) => declare(exchange),
      assertQueue: (queue: string) => declare(queue),
      bindQueue: (queue: string, _exchange: string, key: string) => declare(`${queue} by ${key}`),
      // Behind what is not answered: so is amqplib's.
      close: () => {
        if (isBusy) return new Promise(() => {});
        closed++;
        return Promise.resolve();
      },
    };
    return Object.assign(new EventEmitter(), made) as unknown as Channel;
  };
  const createChannel = async (): Promise<Channel> => {
    const answer = open(asked++);
    if (answer === 'silence') return new Promise(() => {});
    if (answer.refusal !== undefined) throw new Error(answer.refusal);
    if (answer.afterMs > 0) await new Promise((resolve) => setTimeout(resolve, answer.afterMs));
    return channel();
  };
  let isOpen = true;
  const link: Link = {
    model: { createChannel } as unknown as ChannelModel,
    get isOpen() {
      return isOpen;
    },
    maxChannels,
    lost,
    ask: asking.ask,
    atEndOfTurn: () => {},
    cut: () => {},
    close: async () => {},
  };
  const die = (reason: string): void => {
    isOpen = false;
    asking.end(reason);
    lost.next(reason);
    lost.complete();
  };
  return { link, events, givenUp, die, most: () => most, channels: () => channels, closed: () => closed };
}

const queues = (count: number) => Array.from({ length: count }, (_, n) => ({ name: `q${n}`, arguments: {} }));

describe('establishing topology over AMQP', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => {
    clock = sinon.useFakeTimers();
  });
  afterEach(() => clock.restore());

  const establish = async (link: Link, topology: Partial<Topology>, withinMs: number): Promise<Error | undefined> => {
    const whole = { exchanges: [], queues: [], bindings: [], ...topology };
    const outcome = establishTopology(link, whole, 'assert', () => {}, new SideBySide()).then(
      () => undefined,
      (error: Error) => error,
    );
    await clock.tickAsync(withinMs);
    return outcome;
  };

  it('asks for eight queues at a time, and for what needs them when all are there', async () => {
    const { link, events, most, channels } = linkTo(() => ({ afterMs: 10 }));
    const bindings = queues(20).map(({ name: queue }) => ({ queue, exchange: 'events', key: '#' }));
    const exchanges = ['events', 'results'].map((name) => ({ name, type: 'topic' as const }));
    expect(await establish(link, { exchanges, queues: queues(20), bindings }, 80)).to.equal(undefined);
    const names = queues(20).map(({ name }) => name);
    expect(events).to.deep.equal(['events', 'results', ...names, ...names.map((name) => `${name} by #`)]);
    expect(most()).to.equal(8);
    expect(channels()).to.equal(8);
  });

  it('asks for no more at a time than the link may have channels', async () => {
    const { link, events, channels } = linkTo(
      () => ({ afterMs: 10 }),
      (nth) => (nth < 3 ? { afterMs: 0 } : { afterMs: 0, refusal: 'No channels left to allocate' }),
      3,
    );
    expect(await establish(link, { queues: queues(7) }, 30)).to.equal(undefined);
    expect([events.length, channels()]).to.deep.equal([7, 3]);
  });

  it('asks for one exchange at a time: an end of the connection does not say whose type is unknown', async () => {
    const { link, most } = linkTo(() => ({ afterMs: 10 }));
    const exchanges = ['a', 'b', 'c'].map((name) => ({ name, type: 'topic' as const }));
    expect(await establish(link, { exchanges }, 30)).to.equal(undefined);
    expect(most()).to.equal(1);
  });

  it('tells refusals in the order of what was asked, whichever came first, and asks for the rest on the channels that are left', async () => {
    const refusals: Record<string, Answer> = {
      q1: { afterMs: 20, refusal: 'late' },
      q5: { afterMs: 5, refusal: 'soon' },
      q9: { afterMs: 5, refusal: 'in the\nsecond round' },
    };
    const { link, events, channels } = linkTo((subject) => refusals[subject] ?? { afterMs: 10 });
    const error = await establish(link, { queues: queues(12) }, 100);
    expect(error).to.include({ name: 'TopologyError' });
    expect(error?.message.split('\n')).to.deep.equal([
      'queue "q1": the broker refuses it (late)',
      'queue "q5": the broker refuses it (soon)',
      'queue "q9": the broker refuses it (in the second round)',
    ]);
    expect(events).to.have.length(12);
    // Those of q1 and q5 are gone, and six are left for the last four.
    expect(channels()).to.equal(8);
  });

  it('names the first queue that has no leader, and gives up no connection for however many have none', async () => {
    const { link, events, givenUp } = linkTo((subject) => (subject < 'q2' ? { afterMs: 10 } : 'silence'));
    const error = await establish(link, { queues: queues(20) }, RPC_TIMEOUT_MS);
    expect(error).to.include({ code: 'ERR_BROKER_UNAVAILABLE' });
    expect(error?.message).to.equal(
      'queue "q2": the broker did not answer for queue "q2" within 1000 ms; a quorum queue without a leader answers so',
    );
    await clock.tickAsync(60_000);
    expect(givenUp).to.deep.equal([]);
    expect(events, 'nothing is asked for afterwards').to.have.length(8);
  });

  it('tells what was refused with what was not answered, all at once: another try would be refused again', async () => {
    const refusals: Record<string, Answer> = {
      q1: { afterMs: 10, refusal: 'in the first round' },
      q9: { afterMs: 20, refusal: 'late' },
      q10: 'silence',
      q11: { afterMs: 5, refusal: 'soon' },
    };
    const { link, events } = linkTo((subject) => refusals[subject] ?? { afterMs: 10 });
    const error = await establish(link, { queues: queues(30) }, 2 * RPC_TIMEOUT_MS);
    expect(error).to.include({ name: 'TopologyError' });
    expect(error?.message.split('\n')).to.deep.equal([
      'queue "q1": the broker refuses it (in the first round)',
      'queue "q9": the broker refuses it (late)',
      'queue "q11": the broker refuses it (soon)',
      'queue "q10": the broker did not answer for queue "q10" within 1000 ms; a quorum queue without a leader answers so',
    ]);
    expect(error?.cause).to.include({ message: 'in the first round' });
    expect(events, 'nothing is asked for afterwards').to.have.length(16);
  });

  it('opens its channels as one request: where none is opened, no connection is given up for how many they are', async () => {
    const { link, givenUp } = linkTo(
      () => ({ afterMs: 10 }),
      () => 'silence',
    );
    const error = await establish(link, { queues: queues(20) }, RPC_TIMEOUT_MS);
    expect(error?.message).to.equal('the broker did not answer channel.open within 1000 ms');
    await clock.tickAsync(60_000);
    expect(givenUp).to.deep.equal([]);
  });

  it('keeps no channel where one is not to be had, nor those that open later', async () => {
    const { link, events, channels, closed } = linkTo(
      () => ({ afterMs: 10 }),
      (nth) => (nth === 2 ? { afterMs: 0, refusal: 'No channels left to allocate' } : { afterMs: 100 * nth }),
    );
    const error = await establish(link, { queues: queues(20) }, 1);
    expect(error?.message).to.equal('No channels left to allocate');
    await clock.tickAsync(60_000);
    expect([channels(), closed(), events]).to.deep.equal([7, 7, []]);
  });

  it('ends with the reason when the link dies amid a round, whatever was refused before, and asks for nothing more', async () => {
    const subject = linkTo((name) => (name === 'q1' ? { afterMs: 5, refusal: 'wrong' } : { afterMs: 20 }));
    clock.setTimeout(() => subject.die('read ECONNRESET'), 10);
    const error = await establish(subject.link, { queues: queues(20) }, 60_000);
    expect(error).to.include({ code: 'ERR_BROKER_UNAVAILABLE', message: 'read ECONNRESET' });
    expect(subject.events).to.have.length(8);
  });
});

describe('establishing topology on a connection of few channels', () => {
  const broker = createEmbeddedBroker();
  let url = '';
  before(async () => {
    ({ url } = await broker.start());
  });
  after(() => broker.stop());

  for (const channelMax of [1, 3])
    it(`declares all of it over ${channelMax}, as agreed upon in the handshake`, async () => {
      const declarer = await openDeclarer({ urls: [`${url}?channelMax=${channelMax}`] });
      try {
        await declarer.declare(sourceTopology(queue('few')));
      } finally {
        await declarer.close();
      }
    });
});
