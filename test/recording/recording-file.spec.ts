import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { RecordingInvalidError, readRecording } from '../../src/recording/read-recording.ts';
import type { RecordedEvent } from '../../src/recording/recording.ts';
import { openRecordingFile } from '../../src/recording/recording-file.ts';

const head = { startedAt: '2026-11-28T12:00:00.000Z', pipelines: ['orders'] };
const settled = (at: number): RecordedEvent => ({
  kind: 'settled',
  at,
  pipeline: 'orders',
  messageId: `m-${at}`,
  settlement: 'ack',
});

describe('a recording file', () => {
  let folder: string;
  const file = (): string => join(folder, 'day.jsonl');
  const text = (): string => readFileSync(file(), 'utf8');

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-recording-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const opened = async (maxBytes: number) => {
    const told: string[] = [];
    const recording = await openRecordingFile(file(), head, {
      maxBytes,
      onFull: () => told.push('full'),
      onError: (error) => told.push(error.message),
    });
    return { ...recording, told };
  };

  it('holds what was written, and reads back as it was', async () => {
    const { write, close, told } = await opened(10_000);
    write(settled(1));
    write(settled(2));
    await close();
    const { head: read, events } = readRecording(text());
    expect(read).to.deep.include(head);
    expect(events).to.deep.equal([settled(1), settled(2), { kind: 'ended', at: 2, reason: 'stopped' }]);
    expect(told).to.deep.equal([]);
  });

  it('ends before its bound, tells so once, and takes nothing more', async () => {
    const { write, isOver, close, told } = await opened(1_000);
    expect(isOver()).to.equal(false);
    for (let at = 1; at < 100; at++) write(settled(at));
    expect(isOver()).to.equal(true);
    await close();
    expect(Buffer.byteLength(text())).to.be.at.most(1_000).and.at.least(700);
    const { events } = readRecording(text());
    expect(events.at(-1)).to.include({ kind: 'ended', reason: 'full' });
    expect(events.at(-2)).to.deep.equal(settled(events.length - 1));
    expect(told).to.deep.equal(['full']);
  });

  it('S16: is a new one, for its owner alone', async () => {
    await (await opened(1_000)).close();
    expect(statSync(file()).mode & 0o777).to.equal(0o600);
    const refused = await opened(1_000).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(refused).to.include({ code: 'EEXIST' });
  });

  it('is read without a last line that breaks off', () => {
    const lines = [
      JSON.stringify({ kind: 'recording', version: 1, ...head }),
      JSON.stringify(settled(1)),
      '{"kind":"set',
    ];
    expect(readRecording(lines.join('\n')).events).to.deep.equal([settled(1)]);
    expect(readRecording(lines.slice(0, 2).join('\n')).events).to.deep.equal([settled(1)]);
  });

  for (const [what, line, problem] of [
    ['no JSON', '{', 'line 2: expected an event: '],
    ['no event', '{"kind":"dream","at":1}', 'line 2: expected an event; kind'],
    ['an event without its moment', '{"kind":"ended","reason":"full"}', 'line 2: expected an event; at'],
  ] as const) {
    it(`says which line is ${what}`, () => {
      const lines = [JSON.stringify({ kind: 'recording', version: 1, ...head }), line, JSON.stringify(settled(1)), ''];
      expect(() => readRecording(lines.join('\n'))).to.throw(RecordingInvalidError, problem);
    });
  }
});
