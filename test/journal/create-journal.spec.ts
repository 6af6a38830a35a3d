/** What a journal tells of a store that is away. In virtual time; what it does with one that is there is in the contract. */
import { expect } from 'chai';
import { defer, EMPTY, type Observable, throwError } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { JournalUnavailableError } from '../../src/errors.ts';
import { createFacts } from '../../src/events.ts';
import { createJournal } from '../../src/journal/create-journal.ts';
import { MemoryStore } from '../../src/journal/memory-store.ts';
import { forwarded } from '../contract/journal-cases.ts';

describe('createJournal', () => {
  it('tells the cause as it is now, each second while the store is away, and of the change to and fro once', () => {
    let cause: string | undefined = 'the disk is full';
    const inner = new MemoryStore();
    const unlessAway = <T>(command: Observable<T>): Observable<T> =>
      defer(() => (cause === undefined ? command : throwError(() => new JournalUnavailableError(`${cause}`))));
    const facts = createFacts();
    const changes: string[] = [];
    facts.stream.subscribe((fact) => {
      if (fact.type === 'journalChanged') changes.push(`${fact.state}: ${fact.reason}`);
    });
    const journal = createJournal(
      {
        ...forwarded(inner),
        acquire: (...args) => unlessAway(inner.acquire(...args)),
        ping: () => unlessAway(EMPTY),
      },
      { facts },
    );
    const told: (string | undefined)[] = [];
    journal.availability.subscribe(({ isAvailable, reason }) => told.push(isAvailable ? 'there' : reason));

    new TestScheduler(() => {}).run(({ flush, cold }) => {
      journal.open({ space: 'saga', name: 'order', id: 'o-1' }).subscribe({ error: () => {} });
      cold('1500ms a 999ms b', { a: 'its server is dead', b: undefined }).subscribe((next) => {
        cause = next;
      });
      flush();
    });

    expect(told).to.deep.equal(['there', 'the disk is full', 'its server is dead', 'there']);
    expect(changes).to.deep.equal(['unavailable: the disk is full', 'available: undefined']);
  });

  it('asks no store once it has ended, though commands fail after that', () => {
    let asked = 0;
    const journal = createJournal({
      ...forwarded(new MemoryStore()),
      acquire: () => throwError(() => new JournalUnavailableError('the store is closed')),
      ping: () =>
        defer(() => {
          asked++;
          return EMPTY;
        }),
    });
    const scheduler = new TestScheduler(() => {});
    const fail = (): void =>
      void journal.open({ space: 'saga', name: 'order', id: 'o-1' }).subscribe({ error: () => {} });

    scheduler.run(({ flush, cold }) => {
      cold('1500ms a', { a: fail }).subscribe((act) => act());
      fail();
      flush();
    });
    expect(asked, 'until it ends').to.equal(2);

    scheduler.run(({ flush }) => {
      journal.end();
      fail();
      flush();
    });
    expect(asked, 'after its end').to.equal(2);
  });
});
