import { expect } from 'chai';
import { defineService } from 'sluice';
import { z } from 'zod';
import { DefinitionError } from '../../src/errors.ts';
import { destinationOf } from '../../src/http/define-service.ts';

const work = { request: z.object({ id: z.string() }) };

/** What is said of a definition; its types are not looked at, as in a module written in JavaScript. */
function problemsOf(options: object, name: unknown = 'pricing'): readonly string[] {
  try {
    (defineService as (name: unknown, options: unknown) => unknown)(name, options);
    return [];
  } catch (error) {
    if (!(error instanceof DefinitionError)) throw error;
    return error.message.split('\n').filter((line) => line.includes('service "'));
  }
}

describe('defineService', () => {
  it('is plain data', () => {
    const options = { queue: 'pricing', operations: { work } };
    expect(defineService('pricing', options)).to.deep.equal({ kind: 'service', name: 'pricing', options });
  });

  it('sends to a queue, or to an exchange under a key for each operation', () => {
    const operations = { work, other: { ...work, routingKey: 'pricing.other' } };
    const byQueue = defineService('a', { queue: 'pricing', operations: { work } });
    const byExchange = defineService('b', { exchange: 'services', operations });
    expect(destinationOf(byQueue, 'work')).to.deep.equal({ exchange: '', routingKey: 'pricing' });
    expect(destinationOf(byExchange, 'work')).to.deep.equal({ exchange: 'services', routingKey: 'work' });
    expect(destinationOf(byExchange, 'other')).to.deep.equal({ exchange: 'services', routingKey: 'pricing.other' });
  });

  it('names every mistake at once', () => {
    const mistakes = {
      queue: 'q',
      exchange: 'x',
      operations: { '9th': work, work: { answer: 1 } },
      timeout: 0,
      cache: 1,
    };
    const text = problemsOf(mistakes).join('\n');
    for (const part of ['operations.9th', 'operations.work.request', 'operations.work.answer', 'timeout', 'cache'])
      expect(text).to.include(`service "pricing": ${part}`);
  });

  for (const [wrong, problem] of [
    [{ operations: { work } }, 'queue: must be given where exchange is not, and only there'],
    [{ queue: 'q', exchange: 'x', operations: { work } }, 'queue: must be given where exchange is not, and only there'],
    [{ queue: '', operations: { work } }, "queue: expected a name of 1 to 255 bytes, got ''"],
    [{ queue: 'ü'.repeat(128), operations: { work } }, 'queue: expected a name of 1 to 255 bytes'],
    [{ queue: 'q', operations: {} }, 'operations: must name at least one'],
    [
      { queue: 'q', operations: { work: { ...work, routingKey: 'k' } } },
      'operations.work.routingKey: must be left out beside queue, whose name is the routing key',
    ],
    [{ queue: 'q', operations: { 'no name': work } }, 'operations.no name: expected a name of letters'],
    [{ queue: 'q', operations: { work }, concurrency: 0 }, 'concurrency: expected at least 1, got 0'],
    [{ queue: 'q', operations: { work }, timeuot: 1 }, 'timeuot: unknown option, did you mean "timeout"?'],
    [{ queue: 'q', operations: { work: { ...work, idempotnet: true } } }, 'operations.work.idempotnet: unknown option'],
  ] as const) {
    it(`says: ${problem}`, () => expect(problemsOf(wrong).join('\n')).to.include(`service "pricing": ${problem}`));
  }

  it('says what a name is', () => {
    expect(problemsOf({ queue: 'q', operations: { work } }, 'no name').join('\n')).to.include(
      'expected a name of letters',
    );
  });
});
