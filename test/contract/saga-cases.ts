/** One saga, asked for by messages that come again: what every store has to bear, each owner with a connection of its own, in real time. */
import { expect } from 'chai';
import { defer, firstValueFrom, lastValueFrom, NEVER, type Observable, of, Subject } from 'rxjs';
import { z } from 'zod';
import { createJournal, type OwnJournal } from '../../src/journal/create-journal.ts';
import type { Journal } from '../../src/journal/journal.ts';
import type { JournalStore } from '../../src/journal/journal-store.ts';
import { silentLogger } from '../../src/log.ts';
import { abandonSaga } from '../../src/saga/abandon-saga.ts';
import { saga } from '../../src/saga/saga.ts';
import { eventually } from '../support/eventually.ts';
import { complete, type StoreUnderTest } from './journal-cases.ts';

const Order = z.object({ id: z.string(), amount: z.number() });

let lastId = 0;

export function sagaCases(under: () => StoreUnderTest): void {
  const stores: JournalStore[] = [];
  const journals: OwnJournal[] = [];
  const journalOf = (owner: string): Journal => {
    const store = under().connect();
    stores.push(store);
    const journal = createJournal(store, { owner, leaseMs: 1_500 });
    journals.push(journal);
    return journal;
  };
  const newOrder = (amount = 5) => ({ id: `again-${++lastId}`, amount });
  const contextOf = (journal: Journal, attempt = 1) => ({
    apis: {},
    log: silentLogger,
    journal,
    attempt,
    maxAttempts: 3,
    messageId: 'm-1',
  });

  /** Two steps, written down when they are made; the second is as it is told. */
  const orderSaga = (made: string[], second: () => Observable<unknown> = () => of('charged')) => {
    const move = (name: string, work: () => Observable<unknown>) => () =>
      defer(() => {
        made.push(name);
        return work();
      });
    return saga({ name: 'again', input: Order, apis: {}, id: ({ id }) => id })
      .step(
        'stock',
        move('stock', () => of('taken')),
      )
      .step('charge', move('charge', second))
      .returns(({ results }) => `${String(results.stock)} and ${String(results.charge)}`);
  };

  afterEach(async () => {
    for (const journal of journals.splice(0)) journal.end();
    for (const store of stores.splice(0)) await complete(store.close());
  });

  it('goes on where it stood when its message is redelivered, to its own worker or another', async () => {
    for (const next of ['same', 'another']) {
      const made: string[] = [];
      const order = newOrder();
      const first = journalOf('same');
      const cutOff = orderSaga(made, () => NEVER)(order, contextOf(first)).subscribe();
      await eventually('the charge is begun', () => made.includes('charge'));
      cutOff.unsubscribe();
      const journal = next === 'same' ? first : journalOf('another');
      expect(await lastValueFrom(orderSaga(made)(order, contextOf(journal)))).to.equal('taken and charged');
      expect(made, next).to.deep.equal(['stock', 'charge', 'charge']);
    }
  });

  it('makes its steps once for a message that is published twice at once, and gives both the answer', async () => {
    const made: string[] = [];
    const order = newOrder();
    const answer = new Subject<string>();
    const handle = orderSaga(made, () => answer);
    const both = ['one', 'other'].map((owner) => lastValueFrom(handle(order, contextOf(journalOf(owner)))));
    await eventually('one of them is at the charge', () => made.includes('charge'));
    answer.next('charged');
    answer.complete();
    expect(await Promise.all(both)).to.deep.equal(['taken and charged', 'taken and charged']);
    expect(made).to.deep.equal(['stock', 'charge']);
  });

  it('gives a message that is published again its answer, and makes no step', async () => {
    const made: string[] = [];
    const order = newOrder();
    const handle = orderSaga(made);
    for (const owner of ['one', 'other', 'one'])
      expect(await firstValueFrom(handle(order, contextOf(journalOf(owner))))).to.equal('taken and charged');
    expect(made).to.deep.equal(['stock', 'charge']);
  });

  it('B12: refuses its id with another body, while it stands half done and when it has ended', async () => {
    const made: string[] = [];
    const order = newOrder();
    const other = { ...order, amount: 6 };
    const refusal = (): Promise<unknown> =>
      lastValueFrom(orderSaga(made)(other, contextOf(journalOf('other')))).catch((error: Error) => error.name);
    const one = journalOf('one');
    const cutOff = orderSaga(made, () => NEVER)(order, contextOf(one)).subscribe();
    await eventually('the charge is begun', () => made.includes('charge'));
    cutOff.unsubscribe();
    expect(await refusal()).to.equal('SagaConflictError');
    expect(await lastValueFrom(orderSaga(made)(order, contextOf(one)))).to.equal('taken and charged');
    expect(await refusal()).to.equal('SagaConflictError');
    expect(made).to.deep.equal(['stock', 'charge', 'charge']);
  });

  it('is stuck by its last word in whatever store, and goes on when it is given back', async () => {
    const made: string[] = [];
    const order = newOrder();
    const one = journalOf('one');
    const hanging = orderSaga(made, () => NEVER);
    const cutOff = hanging(order, contextOf(one, 3)).subscribe();
    await eventually('the charge is begun', () => made.includes('charge'));
    cutOff.unsubscribe();
    const word = await lastValueFrom(hanging.lastWord(order, contextOf(one, 3), new Error('out of time')));
    expect(word).to.have.property('code', 'ERR_SAGA_CUT_OFF');
    const listed = await firstValueFrom((stores[0] as JournalStore).list({ space: 'saga', id: order.id }));
    expect(listed.map(({ lastKind }) => lastKind)).to.deep.equal(['stuck']);
    expect(await lastValueFrom(orderSaga(made)(order, contextOf(journalOf('other'))))).to.equal('taken and charged');
  });

  it('can be given up where its journal is damaged: its message is refused as before, and nothing lists it as begun', async () => {
    const made: string[] = [];
    const order = newOrder();
    const one = journalOf('one');
    const cutOff = orderSaga(made, () => NEVER)(order, contextOf(one)).subscribe();
    await eventually('the charge is begun', () => made.includes('charge'));
    cutOff.unsubscribe();
    const store = stores[0] as JournalStore;
    const key = { space: 'saga', name: 'again', id: order.id } as const;
    const letGo = (): Promise<void> =>
      eventually('it is let go', async () => {
        const [listed] = await firstValueFrom(store.list(key));
        return listed?.heldBy === undefined;
      });
    await letGo();
    const held = await firstValueFrom(store.acquire(key, { owner: 'harm', leaseMs: 1_500 }));
    if (held.kind !== 'acquired') throw new Error('it was let go');
    const torn = { body: '{', checksum: 'none', kind: 'stepDone' as const };
    for (const seq of [1, 2].map((n) => held.records.length + n))
      await complete(store.append(key, held.fence, { ...torn, seq }, 1_500));
    await complete(store.release(key, held.fence));
    const refusal = (): Promise<unknown> =>
      lastValueFrom(orderSaga(made)(order, contextOf(journalOf('other')))).catch((error: Error) => error.name);
    expect(await refusal()).to.equal('JournalCorruptError');

    // Whoever was refused lets go after it was told.
    await letGo();
    expect(await abandonSaga(store, key, 60_000)).to.deep.equal({ ok: true });
    const [listed] = await firstValueFrom(store.list(key));
    expect(listed).to.include({ lastKind: 'abandoned' }).and.to.have.property('expiresAt');
    expect(await refusal()).to.equal('JournalCorruptError');
    expect(made).to.deep.equal(['stock', 'charge']);
  });
}
