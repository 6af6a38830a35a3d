/**
 * A message's story as a marble test: the message, what each API answered and when, and what is expected to come of it. The text runs with
 * `sluice/testing` as it is, where values may be shown; where they are masked it says what to fill in. Pure.
 */
import type { Settled } from '../../events.ts';
import type { Journey } from '../journeys.ts';
import type { PayloadsShown } from '../redact.ts';
import type { MarbleTest, PipelineShape } from '../wire.ts';
import { Draft } from './draft.ts';
import { expectations } from './expectations.ts';
import { RANDOM } from './ideal-times.ts';
import { oneLine } from './layout.ts';
import { quoted } from './literal.ts';
import { obstacleOf, STILL_ON_ITS_WAY } from './obstacle.ts';
import { receivedLiteral } from './received.ts';
import { scriptsOf } from './scripts.ts';
import { Story } from './story.ts';

export interface CopiedTestParts {
  readonly journey: Journey;
  readonly shape: PipelineShape;
  readonly payloads: PayloadsShown;
}

export function copiedTestOf({ journey, shape, payloads }: CopiedTestParts): MarbleTest {
  const { settled } = journey;
  const why = obstacleOf(journey, shape);
  if (why !== undefined || settled === undefined) return { isPossible: false, why: why ?? STILL_ON_ITS_WAY };
  const draft = new Draft(payloads);
  const text = write(new Story(journey, shape), settled, draft);
  return { isPossible: true, text, notes: draft.notes };
}

function write(story: Story, settled: Settled, draft: Draft): string {
  const { messageId, at } = story.journey.delivered;
  const received = receivedLiteral(story.journey, draft);
  const scripts = scriptsOf(story, draft);
  const rows = expectations(story, settled, draft);
  noteTimes(story, draft);
  const kit = new Set(['deliver', ...(scripts.length > 0 ? ['api'] : []), ...rows.flatMap((row) => row.kit)]);
  const lines = [`deliver('a', { a: received });`, ...scripts, '', ...rows.map(({ line }) => line)];
  return `${imports(story, draft)}
// Copied from the dashboard: message ${oneLine(quoted(messageId))}, delivered ${new Date(at).toISOString()}.
${draft.notes.map((note) => `// ${oneLine(note)}\n`).join('')}const received = ${received};

describe(${quoted(story.shape.name)}, () => {
  it(
    ${quoted(titleOf(settled, messageId))},
    marbles${scripts.length === 0 ? '' : apiNames(story)}(pipeline, { random: () => ${RANDOM} }, (kit) => {
      const { ${[...kit].join(', ')} } = kit;
${lines.map((line) => (line === '' ? '\n' : `      ${line}\n`)).join('')}    }),
  );
});
`;
}

/** Of times that whoever copies it may know better. */
function noteTimes({ times }: Story, draft: Draft): void {
  for (const { started, ended } of times.attempts)
    if (ended.outcome === 'aborted' && ended.durationMs > 500 && ended.durationMs % 100 > 50)
      draft.note(
        `${started.api} ${started.operation} was given up after ${ended.durationMs} ms; a limit that is rounder is yours to write.`,
      );
  for (const { before, ms } of times.unexplained)
    draft.note(`${before} began ${ms} ms after what came before it; the test takes it to follow at once.`);
}

function imports({ shape }: Story, { used }: Draft): string {
  const ofKit = ['marbles', ...used].filter((name) => name !== 'exchange').sort();
  const exchange = used.includes('exchange') ? "import { exchange } from 'sluice';\n" : '';
  return `${exchange}import { ${ofKit.join(', ')} } from 'sluice/testing';
import pipeline from '../pipelines/${shape.name}.ts';
`;
}

const apiNames = ({ apis }: Story): string => `<${apis.map(({ key }) => quoted(key)).join(' | ')}>`;

function titleOf({ settlement, code }: Settled, messageId: string): string {
  const id = messageId.slice(0, 80);
  if (settlement === 'ack') return `acks ${id}`;
  return settlement === 'retry' ? `tries ${id} again later: ${code}` : `dead-letters ${id}: ${code}`;
}
