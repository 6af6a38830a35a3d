/** Facts go to who listens to their kind; content goes to who wants it, and is wanted by whom somebody listens to. */
import { expect } from 'chai';
import { config } from 'rxjs';
import { createFacts, type Fact, type MessageContent, type MessageIdentity } from '../src/events.ts';

const about = (messageId: string): MessageIdentity => ({
  pipeline: 'orders',
  messageId,
  correlationId: messageId,
  traceId: 'a'.repeat(32),
  messageAttempt: 1,
  deliveryTag: 1,
});
const content = (messageId: string): MessageContent => ({
  type: 'message',
  ...about(messageId),
  headers: {},
  properties: {},
  body: Buffer.alloc(0),
});

const connected: Fact = { type: 'connectionChanged', at: 1, state: 'connected' };
const running: Fact = { type: 'workerMoved', at: 2, state: 'running' };

describe('facts', () => {
  it('are heard by kind, and all of them by who reads the stream', () => {
    const facts = createFacts();
    const heard = (): boolean[] => [facts.isHeard.connectionChanged, facts.isHeard.workerMoved];
    const [some, all]: Fact[][] = [[], []];
    expect(heard()).to.deep.equal([false, false]);
    const listening = facts.listen({ connectionChanged: (fact) => some?.push(fact) });
    expect(heard()).to.deep.equal([true, false]);
    const reading = facts.stream.subscribe((fact) => all?.push(fact));
    expect(heard()).to.deep.equal([true, true]);
    for (const fact of [connected, running]) facts.report(fact);
    listening.unsubscribe();
    facts.report(connected);
    expect([some, all]).to.deep.equal([[connected], [connected, running, connected]]);
    reading.unsubscribe();
    expect(heard()).to.deep.equal([false, false]);
  });

  it('are told no more to who was made to leave by one who was told before', () => {
    const facts = createFacts();
    const heard: string[] = [];
    facts.listen({
      workerMoved: () => {
        heard.push('first');
        second.unsubscribe();
        facts.listen({ workerMoved: () => heard.push('third') });
      },
    });
    const second = facts.listen({ workerMoved: () => heard.push('second') });
    facts.report(running);
    expect(heard).to.deep.equal(['first']);
    facts.report(running);
    expect(heard).to.deep.equal(['first', 'first', 'third']);
  });

  it('reach the others when a listener throws, which nobody sees but who is told of unhandled errors', async () => {
    const facts = createFacts();
    const heard: Fact[] = [];
    const before = config.onUnhandledError;
    try {
      const unhandled = new Promise((resolve) => {
        config.onUnhandledError = resolve;
      });
      facts.listen({
        workerMoved: () => {
          throw new Error('a defect');
        },
      });
      facts.listen({ workerMoved: (fact) => heard.push(fact) });
      facts.report(running);
      expect(heard).to.deep.equal([running]);
      expect(await unhandled).to.include({ message: 'a defect' });
    } finally {
      config.onUnhandledError = before;
    }
  });
});

describe('contents of messages', () => {
  it('are wanted by nobody at first, by choice while somebody chooses, and of all while somebody hears all', () => {
    const { contents } = createFacts();
    const wanted = (): boolean[] => ['one', 'other'].map((id) => contents.isWanted(about(id)));
    expect([contents.isObserved, ...wanted()]).to.deep.equal([false, false, false]);
    const choosing = contents.of(({ messageId }) => messageId === 'one').subscribe();
    expect([contents.isObserved, ...wanted()]).to.deep.equal([true, true, false]);
    const hearing = contents.stream.subscribe();
    expect(wanted()).to.deep.equal([true, true]);
    hearing.unsubscribe();
    expect(wanted()).to.deep.equal([true, false]);
    choosing.unsubscribe();
    expect([contents.isObserved, ...wanted()]).to.deep.equal([false, false, false]);
  });

  it('go to who wants them, whatever others want', () => {
    const { contents } = createFacts();
    const [chosen, all]: string[][] = [[], []];
    contents.of(({ messageId }) => messageId === 'one').subscribe(({ messageId }) => chosen?.push(messageId));
    contents.stream.subscribe(({ messageId }) => all?.push(messageId));
    for (const id of ['one', 'other']) contents.report(content(id));
    expect([chosen, all]).to.deep.equal([['one'], ['one', 'other']]);
  });
});
