/** What every broker must do for those who ask over it: one suite, over the embedded broker and over RabbitMQ. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { type Observable, Subscription } from 'rxjs';
import type { Broker } from '../../src/broker/broker.ts';
import { type Asking, REQUEST_HEADER, type RequestProgress, type Requests } from '../../src/broker/requests.ts';
import { codeOf } from '../../src/errors.ts';
import type { Delivery } from '../../src/message/delivery.ts';
import type { OutgoingMessage } from '../../src/message/outgoing.ts';
import { eventually } from '../support/eventually.ts';

type AskingBroker = Broker & Asking;

export interface AskedBroker {
  createBroker(): AskingBroker;
  declareQueue(name: string): Promise<void>;
  deleteQueue(name: string): Promise<void>;
  /** Ends every connection of the brokers under test; new ones are let through. */
  cutConnections(): Promise<void>;
  stop(): Promise<void>;
}

export function requestsContract(setup: () => Promise<AskedBroker>): void {
  let subject: AskedBroker;
  let broker: AskingBroker;
  let listening: Subscription;
  let queue: string;
  let counter = 0;

  before(async () => {
    subject = await setup();
  });
  after(() => subject?.stop());
  beforeEach(async () => {
    broker = subject.createBroker();
    listening = new Subscription();
    queue = `asked.${process.pid}.${++counter}`;
    await subject.declareQueue(queue);
  });
  afterEach(async () => {
    listening.unsubscribe();
    await done(broker.close({ withinMs: 2_000 }));
    await subject.deleteQueue(queue);
  });

  const ask = (id: string, more: Partial<OutgoingMessage> = {}, from: Requests = broker): Asked => {
    const asked: Asked = { progress: [], code: undefined, stop: () => subscription.unsubscribe() };
    const message = {
      exchange: '',
      routingKey: queue,
      body: Buffer.from(id),
      properties: { messageId: id, correlationId: 'conversation' },
      headers: {},
      ...more,
    };
    const subscription = from.request(message, id).subscribe({
      next: (progress) => asked.progress.push(told(progress)),
      error: (error: unknown) => {
        asked.code = codeOf(error);
      },
    });
    listening.add(subscription);
    return asked;
  };
  const deliveries = (): readonly Delivery[] => {
    const taken: Delivery[] = [];
    listening.add(broker.consume(queue, { prefetch: 100 }).subscribe((delivery) => taken.push(delivery)));
    return taken;
  };
  const eventuallyTaken = async (): Promise<readonly Delivery[]> => {
    const taken = deliveries();
    await eventually('it was asked', () => taken.length > 0);
    return taken;
  };
  const answer = (
    delivery: Delivery | undefined,
    text: string,
    more: Pick<Partial<OutgoingMessage>, 'headers' | 'properties'>,
  ): Promise<void> =>
    done(
      broker.publish({
        exchange: '',
        routingKey: delivery?.properties.replyTo ?? '',
        mandatory: false,
        body: Buffer.from(text),
        properties: {},
        headers: {},
        ...more,
      }),
    );

  it('brings each answer to its asker, though all are of one conversation', async () => {
    const taken = deliveries();
    const [first, second] = [ask('m1'), ask('m2')];
    await eventually('both were asked', () => taken.length === 2);

    for (const delivery of [...taken].reverse()) {
      const id = String(delivery.properties.messageId);
      await answer(delivery, `to ${id}`, {
        headers: { [REQUEST_HEADER.answers]: id },
        properties: { correlationId: 'conversation' },
      });
    }
    await eventually('both were answered', () => first.progress.length === 2 && second.progress.length === 2);

    expect(first.progress).to.have.members(['confirmed', 'to m1']);
    expect(second.progress).to.have.members(['confirmed', 'to m2']);
  });

  it('holds nothing of a message once it is confirmed, however long its answer takes', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const [asked, held] = (() => {
      const body = Buffer.alloc(20_000);
      return [ask('m1', { body }), new WeakRef(body)] as const;
    })();
    await eventually('it is confirmed', () => asked.progress.includes('confirmed'));
    await eventually('its body is let go of', () => {
      collect();
      return held.deref() === undefined;
    });
    const [delivery] = await eventuallyTaken();
    await answer(delivery, 'pong', { headers: { [REQUEST_HEADER.answers]: 'm1' } });
    await eventually('it was answered', () => asked.progress.includes('pong'));
  });

  it('knows an answer of a stranger by its correlation id, and drops one that is for nobody', async () => {
    const taken = deliveries();
    const [gone, asked] = [ask('gone'), ask('m1')];
    await eventually('both were asked', () => taken.length === 2);
    gone.stop();

    await answer(taken[0], 'late', { properties: { correlationId: 'gone' } });
    await answer(taken[0], 'nameless', {});
    await answer(taken[0], 'pong', { properties: { correlationId: 'm1' } });
    await eventually('it was answered', () => asked.progress.includes('pong'));

    expect(asked.progress).to.have.members(['confirmed', 'pong']);
    expect(gone.progress).to.not.include('late');
  });

  it('knows the answer to a call by its own correlation id alone, at an address of its own', async () => {
    const taken = deliveries();
    const attempt = (id: string) => ask(id, { properties: { messageId: 'm1', correlationId: id } }, broker.calls);
    const [door, first, second] = [ask('m1'), attempt('a1'), attempt('a2')];
    await eventually('all were asked', () => taken.length === 3);
    // They come over two channels, in any order.
    const isCall = ({ properties: { correlationId } }: Delivery): boolean =>
      correlationId === 'a1' || correlationId === 'a2';
    const addresses = (of: readonly Delivery[]) => of.map(({ properties }) => properties.replyTo);
    const [called] = taken.filter(isCall);
    const [toDoor, ...more] = addresses(taken.filter((each) => !isCall(each)));
    expect(more).to.deep.equal([]);
    expect(new Set(addresses(taken.filter(isCall)))).to.have.length(1);
    expect(toDoor).to.not.equal(called?.properties.replyTo);

    // What answers a call may name the message: it is no answer to whoever asked by that, nor to another call.
    await answer(called, 'by message', { headers: { [REQUEST_HEADER.answers]: 'm1' } });
    await answer(called, 'guessed', { properties: { correlationId: 'm1' } });
    const own = { headers: { [REQUEST_HEADER.answers]: 'a1' }, properties: { correlationId: 'a2' } };
    await answer(called, 'to the second', own);
    await answer(called, 'to the first', { properties: { correlationId: 'a1' } });
    await eventually('both were answered', () => first.progress.length === 2 && second.progress.length === 2);

    expect(first.progress).to.have.members(['confirmed', 'to the first']);
    expect(second.progress).to.have.members(['confirmed', 'to the second']);
    expect(door.progress).to.deep.equal(['confirmed']);
  });

  it('fails what reaches no queue', async () => {
    const asked = ask('m1', { routingKey: `${queue}.missing` });
    await eventually('it failed', () => asked.code !== undefined);
    expect(asked.code).to.equal('ERR_UNROUTABLE');
    expect(asked.progress).to.deep.equal([]);
  });

  it('tells those who wait that no answer will come when the connection is lost, and asks again on the next', async () => {
    const taken = deliveries();
    const lost = ask('m1');
    await eventually('it is confirmed', () => lost.progress.length === 1 && taken.length === 1);

    await subject.cutConnections();
    await eventually('it is told', () => lost.code !== undefined);
    expect(lost.code).to.equal('ERR_REPLY_LOST');

    const asked = ask('m2');
    await eventually('it was asked', () => taken.some(({ properties }) => properties.messageId === 'm2'));
    await answer(
      taken.find(({ properties }) => properties.messageId === 'm2'),
      'pong',
      { properties: { correlationId: 'm2' } },
    );
    await eventually('it was answered', () => asked.progress.includes('pong'));
  });

  it('tells those who wait when it is closed', async () => {
    const waiting = [ask('m1'), ask('a1', { properties: { correlationId: 'a1' } }, broker.calls)];
    await eventually('they are confirmed', () => waiting.every(({ progress }) => progress.length === 1));
    await done(broker.close({ withinMs: 2_000 }));
    expect(waiting.map(({ code }) => code)).to.deep.equal(['ERR_REPLY_LOST', 'ERR_REPLY_LOST']);
  });
}

interface Asked {
  readonly progress: string[];
  code: string | undefined;
  readonly stop: () => void;
}

const told = (progress: RequestProgress): string =>
  progress.kind === 'confirmed' ? 'confirmed' : Buffer.from(progress.reply.body).toString();

const done = (work: Observable<never>): Promise<void> =>
  new Promise((resolve, reject) => {
    work.subscribe({ complete: resolve, error: reject });
  });
