import { expect } from 'chai';
import { EMPTY } from 'rxjs';
import { journalWarning } from '../../src/cli/journal-warning.ts';

describe('a journal in memory', () => {
  const memory = { kind: 'memory' } as const;
  const amqpUrls = ['amqp://rabbit'];
  const plain = { handle: () => EMPTY, dedupe: undefined };
  const deduped = { ...plain, dedupe: { ttlMs: 1 } as never };

  it('is warned of where something is written into it and the messages outlive the worker', () => {
    expect(journalWarning({ journal: memory, amqpUrls }, [plain, deduped])).to.match(
      /^the journal is in memory: it ends with this worker, .*; set SLUICE_JOURNAL_FILE or SLUICE_JOURNAL_URL$/,
    );
    expect(journalWarning({ journal: memory, amqpUrls }, [plain])).to.equal(undefined);
    expect(journalWarning({ journal: memory, amqpUrls: undefined }, [deduped])).to.equal(undefined);
    const file = { kind: 'file', path: '/x' } as const;
    expect(journalWarning({ journal: file, amqpUrls }, [deduped])).to.equal(undefined);
  });

  it('is warned of where each of several workers has its own, whatever the broker', () => {
    expect(journalWarning({ journal: memory, amqpUrls: undefined }, [deduped], { isFleet: true })).to.match(
      /^each worker journals in its own memory/,
    );
    expect(journalWarning({ journal: memory, amqpUrls }, [plain], { isFleet: true })).to.equal(undefined);
  });
});
