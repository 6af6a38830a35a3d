/** Sagas of the journal by how they stand: one's timeline, a stuck one sent on its way, or given up after a question. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { SagaDone, SagaList, SagaRow, SagaSelection, SagaStands, SagaStory } from '../wire.ts';
import { type Asked, asked, Problem } from './asked.tsx';
import { Confirm } from './confirm.tsx';
import { act, ask } from './connection.ts';
import { ago, clock, clockMs, counted, duration } from './format.ts';
import { LevelGlyph } from './glyphs.tsx';

const SELECTIONS: readonly { readonly selection: SagaSelection; readonly label: string }[] = [
  { selection: 'unended', label: 'Not ended' },
  { selection: 'stuck', label: 'Stuck' },
  { selection: 'ended', label: 'Ended' },
  { selection: 'all', label: 'All' },
];

const keyOf = ({ saga, id }: SagaRow): string => JSON.stringify([saga, id]);

export function SagasView({ onToken }: { readonly onToken: () => void }) {
  const [selection, setSelection] = useState<SagaSelection>('unended');
  const [list, setList] = useState<Asked<SagaList>>({ state: 'none' });
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState<SagaRow | undefined>(undefined);
  const latest = useRef(0);
  const look = (): void => {
    const turn = ++latest.current;
    setList((before) => (before.state === 'answered' ? before : { state: 'asking' }));
    void asked(ask<SagaList>(`sagas?state=${selection}`)).then((answer) => {
      // Whoever has asked for others meanwhile gets those.
      if (turn === latest.current) setList(answer);
    });
  };
  useEffect(look, [selection]);

  const needle = text.trim().toLowerCase();
  const sagas = list.state === 'answered' ? list.value.sagas : [];
  const shown = sagas.filter(({ saga, id }) => [saga, id].some((part) => part.toLowerCase().includes(needle)));
  return (
    <>
      <section class="head">
        <div class="said">
          <h1>Sagas</h1>
          <p>{headline(list, selection)}</p>
        </div>
        <div class="row">
          <fieldset class="choice">
            <legend>Which</legend>
            {SELECTIONS.map((one) => (
              <button
                key={one.selection}
                type="button"
                aria-pressed={one.selection === selection}
                onClick={() => setSelection(one.selection)}
              >
                {one.label}
              </button>
            ))}
          </fieldset>
          <label class="search">
            <span class="visually-hidden">Filter by saga or id</span>
            <input
              type="search"
              placeholder="Filter by saga, id…"
              value={text}
              onInput={(event) => setText(event.currentTarget.value)}
            />
          </label>
          <button type="button" class="button" onClick={look}>
            Look again
          </button>
        </div>
      </section>
      <Problem asked={list} onToken={onToken} />
      {list.state !== 'answered' ? null : sagas.length === 0 && chosen === undefined ? (
        <p class="card nothing-here">
          <LevelGlyph level="healthy" /> {NOTHING[selection]}
        </p>
      ) : (
        <div class={chosen === undefined ? 'beside' : 'beside has-panel'}>
          <SagaTable sagas={shown} at={list.value.at} chosen={chosen} onChoose={setChosen} />
          {chosen === undefined ? null : (
            <SagaPanel
              key={keyOf(chosen)}
              row={chosen}
              onClose={() => setChosen(undefined)}
              onToken={onToken}
              onChanged={look}
            />
          )}
        </div>
      )}
    </>
  );
}

const NOTHING: Readonly<Record<SagaSelection, string>> = {
  unended: 'No saga goes on, waits or is stuck.',
  stuck: 'No saga is stuck.',
  ended: 'No saga has ended that the journal still knows of.',
  all: 'The journal knows of no saga.',
};

function headline(list: Asked<SagaList>, selection: SagaSelection): string {
  if (list.state === 'asking') return 'Asking the journal…';
  if (list.state !== 'answered') return '\u00a0';
  const { at, sagas, isCut } = list.value;
  const stuck = sagas.filter(({ stands }) => stands === 'stuck').length;
  const first = isCut ? `The ${sagas.length} changed last` : counted(sagas.length, 'saga');
  const look = stuck > 0 && selection !== 'stuck' ? `, ${stuck} stuck` : '';
  return `${first}${look}. Looked at ${clock(at)}.`;
}

const TAG: Readonly<Record<SagaStands, string>> = {
  running: 'tag',
  waiting: 'tag warn',
  stuck: 'tag bad',
  completed: 'tag',
  undone: 'tag',
  abandoned: 'tag',
};

function SagaTable({
  sagas,
  at,
  chosen,
  onChoose,
}: {
  readonly sagas: readonly SagaRow[];
  readonly at: number;
  readonly chosen: SagaRow | undefined;
  readonly onChoose: (row: SagaRow) => void;
}) {
  const isChosen = (row: SagaRow): boolean => chosen !== undefined && keyOf(row) === keyOf(chosen);
  return (
    <div class="card table">
      <table class="sagas">
        <thead>
          <tr>
            <th scope="col">Id and saga</th>
            <th scope="col">Stands</th>
            <th scope="col" class="number">
              Records
            </th>
            <th scope="col">Begun</th>
            <th scope="col">Changed</th>
          </tr>
        </thead>
        <tbody>
          {sagas.length === 0 ? (
            <tr>
              <td colSpan={5} class="quiet">
                No saga fits the filter.
              </td>
            </tr>
          ) : null}
          {sagas.map((row) => (
            <tr key={keyOf(row)} class={isChosen(row) ? 'chosen' : undefined}>
              <th scope="row">
                <div>
                  <button type="button" class="link mono" aria-expanded={isChosen(row)} onClick={() => onChoose(row)}>
                    {row.id}
                  </button>
                  <p>{row.saga}</p>
                </div>
              </th>
              <td data-name="Stands">
                <span class={TAG[row.stands]}>{row.stands}</span>
              </td>
              <td class="number" data-name="Records">
                {row.records}
              </td>
              <td data-name="Begun">{ago(row.beganAt, at)}</td>
              <td data-name="Changed">{ago(row.changedAt, at)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function SagaPanel({
  row,
  onClose,
  onToken,
  onChanged,
}: {
  readonly row: SagaRow;
  readonly onClose: () => void;
  readonly onToken: () => void;
  readonly onChanged: () => void;
}) {
  const { saga, id } = row;
  const [story, setStory] = useState<Asked<SagaStory | null>>({ state: 'asking' });
  const [done, setDone] = useState<Asked<SagaDone>>({ state: 'none' });
  const [isConfirming, setConfirming] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  const read = (): void => {
    const query = new URLSearchParams({ saga, id });
    void asked(ask<SagaStory | null>(`sagas/story?${query}`)).then(setStory);
  };
  useEffect(() => {
    heading.current?.focus();
    read();
  }, []);
  const start = (action: 'resume' | 'abandon'): void => {
    setConfirming(false);
    setDone({ state: 'asking' });
    void asked(act<SagaDone>(`sagas/${action}`, { saga, id })).then((answer) => {
      setDone(answer);
      read();
      onChanged();
    });
  };
  const found = story.state === 'answered' ? story.value : null;
  const stands = found?.stands ?? row.stands;
  const isUnended = stands === 'running' || stands === 'waiting' || stands === 'stuck';
  return (
    <aside class="card panel" aria-label={`Saga ${id}`}>
      <header>
        <div>
          <h2 ref={heading} tabIndex={-1} class="mono">
            {id}
          </h2>
          <p class="quiet">
            {saga} · <span class={TAG[stands]}>{stands}</span>
          </p>
        </div>
        <button type="button" class="button quiet close" onClick={onClose} aria-label="Close">
          ✕
        </button>
      </header>
      <section>
        <div class="row">
          <h3>Timeline</h3>
          <button type="button" class="button" onClick={read}>
            Read again
          </button>
        </div>
        <Problem asked={story} onToken={onToken} />
        {story.state === 'answered' && found === null ? <p class="problem">The journal knows nothing of it.</p> : null}
        {found === null ? null : <Lines story={found} />}
      </section>
      {isUnended ? (
        <section>
          <h3>What can be done</h3>
          <p class="quiet">
            {stands === 'stuck'
              ? 'Resuming gives its dead letter back to its queue: it goes on where its journal stands.'
              : 'It goes on by itself when its message comes again.'}
          </p>
          <div class="row">
            {stands === 'stuck' ? (
              <button
                type="button"
                class="button primary"
                onClick={() => start('resume')}
                disabled={done.state === 'asking'}
              >
                {done.state === 'asking' ? 'At it…' : 'Resume'}
              </button>
            ) : null}
            <button type="button" class="button" onClick={() => setConfirming(true)} disabled={done.state === 'asking'}>
              Give up…
            </button>
          </div>
        </section>
      ) : null}
      {done.state === 'answered' ? (
        <p class={done.value.isDone ? undefined : 'problem'} role="status">
          {done.value.text}
        </p>
      ) : null}
      <Problem asked={done} onToken={onToken} />
      {isConfirming ? (
        <Confirm
          title="Give up this saga?"
          yes="Give up"
          onNo={() => setConfirming(false)}
          onYes={() => start('abandon')}
        >
          <p>
            Nothing more is done for <code>{row.id}</code> of {row.saga}: what it did stays done, what is left is not
            done, and nothing is undone. Its message is dead-lettered whenever it comes.
          </p>
          <p>This cannot be taken back.</p>
        </Confirm>
      ) : null}
    </aside>
  );
}

function Lines({ story: { lines, heldBy } }: { readonly story: SagaStory }) {
  let before: number | undefined;
  return (
    <>
      {heldBy === undefined ? null : <p class="quiet">Held by {heldBy}.</p>}
      <ol class="records">
        {lines.map(({ seq, at, kind = 'broken', text }) => {
          const pause = at === undefined || before === undefined ? undefined : at - before;
          before = at ?? before;
          return (
            <li key={seq} class={kind}>
              <span class="mono quiet">
                {at === undefined ? '' : clockMs(at)}
                {pause === undefined ? null : <small> +{duration(pause)}</small>}
              </span>
              <span class="prose">{text}</span>
            </li>
          );
        })}
      </ol>
    </>
  );
}
