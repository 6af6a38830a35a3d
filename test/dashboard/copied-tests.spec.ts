/** A message's story as a marble test: what is copied passes as it is, and fails when the pipeline does something else. */
import { join } from 'node:path';
import { expect } from 'chai';
import type { MarbleTest, Story } from '../../src/dashboard/wire.ts';
import { type DashboardUnderTest, startDashboardWorker } from '../support/dashboard-under-test.ts';
import { eventually } from '../support/eventually.ts';
import { type ReceiptsApi, startReceiptsApi } from '../support/receipts-api.ts';
import { runCopiedTests } from '../support/run-copied-test.ts';

const MODULE = join(import.meta.dirname, '../fixtures/dashboard/receipts.ts');

describe('a message copied as a marble test', () => {
  let api: ReceiptsApi;
  let shown: DashboardUnderTest;
  let hidden: DashboardUnderTest;

  before(async () => {
    api = await startReceiptsApi();
    process.env.RECEIPTS_API_BASE_URL = api.baseUrl;
    const { default: receipts } = await import('../fixtures/dashboard/receipts.ts');
    shown = await startDashboardWorker({ pipelines: [receipts], payloads: 'all' });
    hidden = await startDashboardWorker({ pipelines: [receipts] });
    await shown.client.collect('receipts');
    await hidden.client.collect('receipts');
  });
  after(async () => {
    await shown.stop();
    await hidden.stop();
    await api.stop();
    delete process.env.RECEIPTS_API_BASE_URL;
  });

  const storyOf = async (worker: DashboardUnderTest, id: string, tag: number): Promise<Story> => {
    const query = new URLSearchParams({ pipeline: 'receipts', id, tag: String(tag) });
    let story: Story | undefined;
    await eventually(`the story of ${id}`, async () => {
      const response = await fetch(`${worker.url}/story?${query}`);
      if (response.status === 200) story = (await response.json()) as Story;
      return story?.settled !== undefined;
    });
    if (story === undefined) throw new Error('no story');
    return story;
  };
  const textOf = (test: MarbleTest): string => {
    if (!test.isPossible) throw new Error(test.why);
    return test.text;
  };

  it('passes for acks, retries of calls, dead letters and retries of messages, and not where an answer is changed', async () => {
    const bodies: readonly (readonly [id: string, body: unknown])[] = [
      ['fine', { order: 'o-1', total: 20 }],
      ['slow', { order: 'slow-1', total: 20 }],
      ['busy', { order: 'busy-1', total: 20 }],
      ['refused', { order: 'refused-1', total: 20 }],
      ['down', { order: 'down-1', total: 20 }],
      ['no-order', { order: 7 }],
      ["quote'd ${1}\n", { order: "o'`${process.exit(1)}`", total: -0.5, note: '\u2028 */ // \\' }],
    ];
    for (const [id, body] of bodies) await shown.client.send('orders.paid', body, { messageId: id });
    const torn = Buffer.from('{"order":');
    shown.client.channel.sendToQueue('orders.paid', torn, { messageId: 'torn', contentType: 'application/json' });

    const ids = [...bodies.map(([id]) => id), 'torn'];
    const stories = [];
    for (const [index, id] of ids.entries()) stories.push(await storyOf(shown, id, index + 1));
    expect(stories.map(({ settled }) => settled?.settlement)).to.deep.equal([
      'ack',
      'ack',
      'ack',
      'deadLetter',
      'retry',
      'deadLetter',
      'ack',
      'deadLetter',
    ]);
    const texts = stories.map(({ test }) => textOf(test));
    const run = await runCopiedTests(texts, MODULE);
    expect(run, run.output).to.include({ passes: ids.length, failures: 0 });

    const [fine = ''] = texts;
    expect(fine).to.include("page: 'page of o-1'");
    const changed = await runCopiedTests([fine.replace("ok({ page: 'page of o-1' })", 'status(422)')], MODULE);
    expect(changed).to.include({ passes: 0, failures: 1 });
  });

  it('tells what is missing where values are hidden, and shows none of them', async () => {
    await hidden.client.send('orders.paid', { order: 'secret-1', total: 4711 }, { messageId: 'hidden' });
    const story = await storyOf(hidden, 'hidden', 1);
    const { facts: _facts, ...told } = story;
    expect(JSON.stringify(told)).to.not.match(/secret-1|4711|page of/);
    expect(story.body).to.deep.equal({
      text: '{\n  "order": "‹text›",\n  "total": "‹number›"\n}',
      isMasked: true,
      bytes: 33,
    });
    expect(story.test.isPossible && story.test.notes[0]).to.include('SLUICE_DASHBOARD_PAYLOADS');
  });
});
