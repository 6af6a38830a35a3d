import { expect } from 'chai';
import { httpError, message, ok } from 'sluice/testing';
import { resultIdOf } from '../../../src/message/identity.ts';
import type { Pipeline } from '../../../src/pipeline/pipeline.ts';
import type { Rehearsal } from '../../../src/testing/pipelines/rehearsal.ts';
import { type Replay, type ReplayOptions, replay } from '../../../src/testing/replay/replay.ts';
import { storiesOf } from '../../../src/testing/replay/story.ts';
import {
  hintedLetters,
  hintingOrders,
  letters,
  manyOrders,
  orders,
  turnedOrders,
  unbound,
  waitingLetters,
  waitingOrders,
} from './chained.ts';
import { runSpec } from './passing.ts';
import { recordedBy, type Script } from './recorded.ts';

const everything: ReplayOptions = {
  only: new Set(),
  maxMessages: 20,
  toleranceMs: 0,
  importOf: (pipeline, name) => `import { ${name} } from './${pipeline.name}.ts';`,
};

const letterOf = (messageId: string): string => resultIdOf('orders', messageId, 0);

const answers = ({ api }: Script): void => {
  api('bank').on('POST /pay', ['--(r|)', '-(r|)', '---(r|)'], { r: ok() });
  api('post').on('PUT /letters', ['-(r|)', '-----(r|)', '--(r|)'], { r: ok() });
};

/** Two at once, and one when the others are done. */
const someOrders = (script: Script): void => {
  script.deliver(10, { id: 'o-1' });
  script.deliver(11, { id: 'o-2' });
  script.deliver(100, { id: 'o-3' });
  answers(script);
};

const differencesOf = ({ changed }: Replay): readonly string[] => changed.flatMap(({ differences }) => differences);
const textOf = ({ spec }: Replay): string => ('text' in spec ? spec.text : `no spec: ${spec.why}`);

describe('a replay of two pipelines in a chain', () => {
  it('delivers what the first publishes to the second once, and goes as recorded', async () => {
    const replayed = await replay(recordedBy([orders, letters], someOrders), [orders, letters], everything);
    expect(differencesOf(replayed)).to.deep.equal([]);
    expect([replayed.messages, replayed.leftOut]).to.deep.equal([6, []]);
  });

  it('by the clock as in virtual time, where handles wait for promises', async () => {
    const recording = recordedBy([orders, letters], someOrders);
    for (const pipelines of [
      [waitingOrders, waitingLetters],
      [orders, waitingLetters],
      [waitingOrders, letters],
    ]) {
      const replayed = await replay(recording, pipelines as readonly Pipeline[], everything);
      expect(differencesOf(replayed)).to.deep.equal([]);
      expect(replayed.messages).to.equal(6);
      expect(textOf(replayed)).to.match(/advancing<.*>\(\[orders, letters\], async/);
    }
  });

  it('lets both try again by themselves', async () => {
    const recording = recordedBy([orders, letters], (script) => {
      script.deliver(0, { id: 'o-1' });
      script.api('bank').on('POST /pay', ['-#', '--(r|)'], { r: ok() }, httpError(503));
      script.api('post').on('PUT /letters', ['-#', '-(r|)'], { r: ok() }, httpError(503));
    });
    const replayed = await replay(recording, [orders, letters], everything);
    expect(differencesOf(replayed)).to.deep.equal([]);
    expect(replayed.messages).to.equal(2);
  });

  it('says that the message of the second does not come any more, where the first publishes elsewhere now', async () => {
    const replayed = await replay(recordedBy([orders, letters], someOrders), [turnedOrders, letters], everything);
    expect(replayed.changed.map(({ pipeline }) => pipeline)).to.have.members([
      ...['orders', 'orders', 'orders'],
      ...['letters', 'letters', 'letters'],
    ]);
    expect(differencesOf(replayed).join('\n'))
      .to.contain("published(exchange('shop', 'order.settled')")
      .and.match(/its calls differ from the recording\n {2}recorded: A\n {2}replayed: -/);
  });

  it('takes along what came of a message that is asked for, and replays what came of it alone as it was recorded', async () => {
    const recording = recordedBy([orders, letters], someOrders);
    for (const [only, messages] of [
      ['m-2', 2],
      [letterOf('m-2'), 1],
    ] as const) {
      const replayed = await replay(recording, [orders, letters], { ...everything, only: new Set([only]) });
      expect(differencesOf(replayed)).to.deep.equal([]);
      expect(replayed.messages).to.equal(messages);
      expect(replayed.leftOut.map(({ why }) => why)).to.deep.equal(new Array(6 - messages).fill('not asked for'));
      expect(replayed.spec).to.have.property('text');
    }
    const first = await replay(recording, [orders, letters], { ...everything, maxMessages: 1 });
    expect(differencesOf(first)).to.deep.equal([]);
    expect(first.messages).to.equal(2);
    expect(first.leftOut).to.have.length(4);
  });

  it('delivers to the second what a binding of others brought it', async () => {
    const bind = ({ broker }: Rehearsal): void =>
      broker.run((model) => {
        const channel = model.openChannel(model.openConnection('others'), () => {});
        model.declareExchange({ exchange: 'shop', type: 'topic', durable: true });
        model.bindQueue(channel, { queue: 'letters', source: 'shop', key: 'order.paid' });
      });
    const recording = recordedBy([orders, unbound], (script) => {
      script.at(11, bind);
      someOrders(script);
    });
    const replayed = await replay(recording, [orders, unbound], everything);
    expect(differencesOf(replayed)).to.deep.equal([]);
    expect(replayed.messages).to.equal(6);
  });

  it('delivers to the second what was handed to it once more', async () => {
    const recording = recordedBy([orders, letters], (script) => {
      script.deliver(0, { id: 'o-1' });
      const again = message({ id: 'o-1', note: 'again' }, { messageId: letterOf('m-1') });
      script.at(60_000, (rehearsal) => rehearsal.deliver(again, 'again', letters.source, 60_000));
      answers(script);
    });
    const replayed = await replay(recording, [orders, letters], everything);
    expect(differencesOf(replayed)).to.deep.equal([]);
    const settled = /expectSettled\( {2}'(.*)'/.exec(textOf(replayed))?.[1] ?? '';
    expect(settled.replaceAll(/[^A-Z]/g, '')).to.equal('ABB');
  });

  it('knows what came of a message whose id holds a secret', async () => {
    const recording = recordedBy([orders, letters], (script) => {
      for (const [index, key] of ['sesame-1', 'sesame-2'].entries())
        script.deliver(index, message({ id: `o-${index}`, key }, { messageId: `of ${key}` }));
      answers(script);
    });
    expect(JSON.stringify(recording)).to.not.contain('sesame');
    const replayed = await replay(recording, [orders, letters], everything);
    expect(differencesOf(replayed)).to.deep.equal([]);
    expect(replayed.messages).to.equal(4);
  });

  it('hands the second what it got then, where the first makes it of a secret and has a stand-in now', async () => {
    const recording = recordedBy([hintingOrders, hintedLetters], (script) => {
      script.deliver(0, { id: 'o-1', key: 'sesame 4711' });
      answers(script);
    });
    expect(JSON.stringify(recording)).to.contain('"note":"4711"').and.not.contain('sesame');
    const replayed = await replay(recording, [hintingOrders, hintedLetters], everything);
    expect(differencesOf(replayed)).to.deep.equal([]);
    expect(replayed.messages).to.equal(2);
  });

  it('answers what the first causes in the second, though that is not replayed itself', async () => {
    const { head, events } = recordedBy([orders, letters], (script) => {
      script.deliver(0, { id: 'o-1' });
      answers(script);
    });
    const torn = { head, events: events.filter((event) => event.kind !== 'settled' || event.pipeline !== 'letters') };
    const replayed = await replay(torn, [orders, letters], everything);
    expect(replayed.leftOut.map(({ why }) => why)).to.deep.equal(['not settled when the recording ended']);
    expect(differencesOf(replayed)).to.deep.equal([]);
    expect(textOf(replayed)).to.contain("api.post.on('PUT /letters'");
  });

  it('knows which results of a conversation are whose, however many', async () => {
    const recording = recordedBy([manyOrders, letters], (script) => {
      script.deliver(0, { id: 'o-1' });
      script.api('post').on('PUT /letters', '-(r|)', { r: ok() });
    });
    const counts = storiesOf(recording.events).map(({ results }) => results.length);
    expect(counts).to.deep.equal([130, ...new Array(130).fill(1)]);
    const replayed = await replay(recording, [manyOrders, letters], everything);
    expect(differencesOf(replayed)).to.deep.equal([]);
    expect(replayed.messages).to.equal(131);
  });

  it('is none where the two do not go together', async () => {
    const recording = recordedBy([orders, letters], someOrders);
    const { source } = letters;
    const bindings = source.bindings.map((binding) => ({ ...binding, type: 'fanout' as const }));
    const bound = { ...letters, source: { ...source, bindings, topology: 'check' as const } };
    const refused = await replay(recording, [{ ...orders, publishes: ['shop'] }, bound], everything).catch(String);
    expect(refused).to.match(/^Error: the worker could not start: exchange "shop"/);
  });

  it('writes a spec that delivers to the first alone, and passes', async function spec() {
    this.timeout(120_000);
    const modules = {
      'orders.ts': "export { orders, waitingOrders } from '../chained.ts';",
      'letters.ts': "export { letters } from '../chained.ts';",
    };
    const text = textOf(await replay(recordedBy([orders, letters], someOrders), [orders, letters], everything));
    expect(text).to.contain("}, 'orders');").and.not.contain("}, 'letters');");
    expect(text).to.contain("ack({ id: 'o-1', note: 'paid in full' })");
    const output = runSpec(text, modules);
    expect(output, output).to.contain('1 passing');
    const broken = runSpec(text.replace("ack({ id: 'o-1', note", "ack({ id: 'o-9', note"), modules);
    expect(broken, broken).to.contain('1 failing');
  });
});
