/** What a saga tells while it runs: each move, and the message it is made for. */
import { expect } from 'chai';
import { of, throwError } from 'rxjs';
import { z } from 'zod';
import { PermanentError } from '../../src/errors.ts';
import { createFacts, type SagaMoved } from '../../src/events.ts';
import { createJournal } from '../../src/journal/create-journal.ts';
import { MemoryStore } from '../../src/journal/memory-store.ts';
import { saga } from '../../src/saga/saga.ts';
import { complete, hold, started } from '../contract/journal-cases.ts';
import { withSagaPipeline } from './saga-pipeline.ts';

const Order = z.object({ id: z.string() });

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

describe('the facts of a saga', () => {
  it('tell each of its moves, for which message it was made, and why it turned back', () => {
    const moves: Partial<SagaMoved>[] = [];
    const handle = saga({ name: 'order', input: Order, apis: {}, id: ({ id }) => id })
      .step(
        'stock',
        () => of('taken'),
        () => of('put back'),
      )
      .step('charge', () => throwError(() => new PermanentError('card refused')))
      .returns(() => 'placed')
      .whenCompensated(() => 'undone');
    withSagaPipeline({ input: Order, handle }, ({ broker, at, drain, heard }) => {
      broker.deliver({
        body: { id: 'o-1' },
        properties: { messageId: 'm-1', correlationId: 'talk-1' },
        headers: { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` },
      });
      at(1_000, () => {
        moves.push(...heard.filter((fact) => fact.type === 'sagaMoved'));
        drain();
      });
    });
    expect(moves.map(({ move, step, code, reason }) => [move, step, code, reason])).to.deep.equal([
      ['started', undefined, undefined, undefined],
      ['stepIntended', 'stock', undefined, undefined],
      ['stepDone', 'stock', undefined, undefined],
      ['stepIntended', 'charge', undefined, undefined],
      ['stepFailed', 'charge', 'ERR_PERMANENT', 'card refused'],
      ['compensationIntended', 'stock', undefined, undefined],
      ['compensationDone', 'stock', undefined, undefined],
      ['undone', undefined, undefined, undefined],
    ]);
    for (const {
      saga: name,
      sagaId,
      pipeline,
      messageId,
      correlationId,
      traceId,
      messageAttempt,
      deliveryTag,
    } of moves)
      expect({ name, sagaId, pipeline, messageId, correlationId, traceId, messageAttempt, deliveryTag }).to.deep.equal({
        name: 'order',
        sagaId: 'o-1',
        pipeline: 'orders',
        messageId: 'm-1',
        correlationId: 'talk-1',
        traceId: TRACE,
        messageAttempt: 1,
        deliveryTag: 1,
      });
  });

  it('name no message where none asked for it', async () => {
    const facts = createFacts();
    const moves: SagaMoved[] = [];
    facts.stream.subscribe((fact) => {
      if (fact.type === 'sagaMoved') moves.push(fact);
    });
    const held = await hold(createJournal(new MemoryStore(), { facts }), { space: 'saga', name: 'order', id: 'o-1' });
    await complete(held.open.append(started));
    held.letGo();
    expect(moves).to.have.length(1);
    expect(moves[0]?.messageId).to.equal(undefined);
  });
});
