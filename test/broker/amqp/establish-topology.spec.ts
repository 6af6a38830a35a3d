/** How topology is asked for: side by side in rounds, each on a channel of its own, over channels that answer, refuse or keep silent. */
import { EventEmitter } from 'node:events';
import type { Channel, ChannelModel } from 'amqplib';
import { expect } from 'chai';
import { NEVER } from 'rxjs';
import sinon from 'sinon';
import { createAsking } from '../../../src/broker/amqp/asking.ts';
import { establishTopology } from '../../../src/broker/amqp/establish-topology.ts';
import type { Link } from '../../../src/broker/amqp/link.ts';
import type { Topology } from '../../../src/broker/topology.ts';

/** What the broker makes of a declaration, after as many milliseconds. */
type Answer = { readonly afterMs: number; readonly refusal?: string } | 'silence';

const RPC_TIMEOUT_MS = 1_000;

/** A link whose broker answers as told, and what was asked of it. */
function linkTo(answerTo: (subject: string) => Answer) {
  const events: string[] = [];
  let underWay = 0;
  let most = 0;
  let channels = 0;
  const givenUp: string[] = [];
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
      close: () => (isBusy ? new Promise(() => {}) : Promise.resolve()),
    };
    return Object.assign(new EventEmitter(), made) as unknown as Channel;
  };
  const model = { createChannel: async () => channel() } as unknown as ChannelModel;
  const link: Link = {
    model,
    isOpen: true,
    lost: NEVER,
    ask: asking.ask,
    atEndOfTurn: () => {},
    cut: () => {},
    close: async () => {},
  };
  return { link, events, givenUp, most: () => most, channels: () => channels };
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
    const outcome = establishTopology(link, whole, 'assert', () => {}).then(
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

  it('asks for one exchange at a time: an end of the connection does not say whose type is unknown', async () => {
    const { link, most } = linkTo(() => ({ afterMs: 10 }));
    const exchanges = ['a', 'b', 'c'].map((name) => ({ name, type: 'topic' as const }));
    expect(await establish(link, { exchanges }, 30)).to.equal(undefined);
    expect(most()).to.equal(1);
  });

  it('tells refusals in the order of what was asked, whichever came first, and asks for the rest on new channels', async () => {
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
    // Those of q1 and q5 are gone; of them only the first is needed again.
    expect(channels()).to.equal(9);
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
});
