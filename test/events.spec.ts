/** Content goes to who wants it, and is wanted by whom somebody listens to. */
import { expect } from 'chai';
import { createFacts, type MessageContent, type MessageIdentity } from '../src/events.ts';

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
