/** What a saga's calls are known by: the saga and its step, whichever message runs it. */
import { expect } from 'chai';
import { concat, defer, of } from 'rxjs';
import { z } from 'zod';
import { createFacts } from '../../src/events.ts';
import { createApiClient } from '../../src/http/api-client.ts';
import { defineApi } from '../../src/http/define-api.ts';
import type { TransportRequest } from '../../src/http/transport.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { silentLogger } from '../../src/log.ts';
import { saga } from '../../src/saga/saga.ts';

const bank = defineApi('bank', { baseUrl: 'http://localhost:1', retry: false });
const Transfer = z.object({ id: z.string() });

/** Keys of the calls one message makes: twice the same call in a step, and once more in the next. */
function keysOf(transferId: string, messageId: string): readonly (string | undefined)[] {
  const keys: (string | undefined)[] = [];
  const transport = ({ headers }: TransportRequest) =>
    defer(() => {
      keys.push(headers['idempotency-key']);
      return of({ status: 204, headers: {}, body: new Uint8Array() });
    });
  const client = createApiClient(bank, { facts: createFacts(), random: () => 0.5, transport });
  const handle = saga({ name: 'transfer', input: Transfer, apis: { bank }, id: ({ id }) => id })
    .step('first', ({ apis }) => concat(apis.bank.post('/move', { cents: 5 }), apis.bank.post('/move', { cents: 5 })))
    .step('second', ({ apis }) => apis.bank.post('/move', { cents: 5 }))
    .returns(() => 'done');
  const identity = { pipeline: 'p', messageId, correlationId: 'c', traceId: 't', messageAttempt: 1, deliveryTag: 1 };
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const bound = client.bind({ ...identity, trace: { traceparent }, keyScope: `p/${messageId}` });
  const context = { apis: { bank: bound }, log: silentLogger, journal: createMemoryJournal() };
  handle({ id: transferId }, { ...context, attempt: 1, maxAttempts: 1 }).subscribe();
  return keys;
}

describe('the idempotency keys of a saga', () => {
  it('differ between equal calls of a step, and between steps', () => {
    const keys = keysOf('t1', 'm1');
    expect(keys).to.have.length(3);
    expect(new Set(keys).size).to.equal(3);
  });

  it('are the same for whichever message resumes the saga', () => {
    expect(keysOf('t1', 'm2')).to.deep.equal(keysOf('t1', 'm1'));
  });

  it('differ between sagas', () => {
    expect(keysOf('t2', 'm1')).to.not.have.members(keysOf('t1', 'm1') as string[]);
  });
});
