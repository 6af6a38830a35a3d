/** The latest messages as a table: what the diagram shows, as text. */
import { clockMs, duration, NONE } from './format.ts';
import { KIND_NAMES, MarbleGlyph } from './glyphs.tsx';
import { useStore } from './store.ts';
import type { StoryOf } from './story.tsx';

const SHOWN = 12;

export function RecentMessages({
  pipeline,
  onPick,
}: {
  readonly pipeline: string;
  readonly onPick: (of: StoryOf) => void;
}) {
  const recent = useStore()
    .recent.filter((message) => message.pipeline === pipeline)
    .slice(0, SHOWN);
  if (recent.length === 0) return null;
  return (
    <section>
      <h2>Latest messages</h2>
      <div class="card table">
        <table>
          <thead>
            <tr>
              <th scope="col">Settled</th>
              <th scope="col">Message</th>
              <th scope="col">Became</th>
              <th scope="col" class="number">
                Took
              </th>
              <th scope="col" class="number">
                Try
              </th>
              <th scope="col">Code</th>
            </tr>
          </thead>
          <tbody>
            {recent.map((message) => (
              <tr key={message.key}>
                <td data-name="Settled">
                  <span class="mono">{clockMs(message.at)}</span>
                </td>
                <td data-name="Message">
                  <button type="button" class="link mono" onClick={() => onPick(storyOf(message.key))}>
                    {message.messageId}
                  </button>
                </td>
                <td data-name="Became">
                  <span class="with-glyph">
                    <MarbleGlyph kind={message.settlement} />
                    {KIND_NAMES[message.settlement]}
                  </span>
                </td>
                <td class="number" data-name="Took">
                  {duration(message.durationMs)}
                </td>
                <td class="number" data-name="Try">
                  {message.attempt}
                </td>
                <td data-name="Code">{message.code === undefined ? NONE : <code>{message.code}</code>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function storyOf(key: string): StoryOf {
  const [pipeline, messageId, tag] = JSON.parse(key) as [string, string, number];
  return { pipeline, messageId, tag };
}
