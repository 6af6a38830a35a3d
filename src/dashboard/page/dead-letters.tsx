/** Dead letters by what went wrong: looked at, rehearsed against today's code, and put back to work after a question. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { DryRun, LetterGroup, LetterList, LetterView, Replay, ReplayUnderWay } from '../wire.ts';
import { type Asked, asked, Problem } from './asked.tsx';
import { CodeBlock } from './code-block.tsx';
import { Confirm } from './confirm.tsx';
import { act, ask } from './connection.ts';
import { ago, clock, counted, grouped } from './format.ts';
import { LevelGlyph } from './glyphs.tsx';
import { lookInWords } from './letters-in-words.ts';
import { useStore } from './store.ts';

const keyOf = ({ queue, fingerprint }: Pick<LetterGroup, 'queue' | 'fingerprint'>): string => `${queue} ${fingerprint}`;

export function DeadLetters({ onToken }: { readonly onToken: () => void }) {
  const { replay } = useStore();
  const [list, setList] = useState<Asked<LetterList>>({ state: 'none' });
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState<string | undefined>(undefined);
  const look = (): void => {
    setList((before) => (before.state === 'answered' ? before : { state: 'asking' }));
    void asked(ask<LetterList>('dead-letters')).then(setList);
  };
  useEffect(look, []);

  const groups = list.state === 'answered' ? list.value.groups : [];
  const needle = text.trim().toLowerCase();
  const shown = groups.filter(({ code, stage, pipeline, queue, message, fingerprint }) =>
    [code, stage, pipeline, queue, message, fingerprint].some((part) => part.toLowerCase().includes(needle)),
  );
  const group = groups.find((one) => keyOf(one) === chosen);
  const ownReplay = replay !== undefined && keyOf(replay) === chosen ? replay : undefined;
  return (
    <>
      <section class="head">
        <div class="said">
          <h1>Dead letters</h1>
          <p>{headline(list, replay)}</p>
        </div>
        <div class="row">
          <label class="search">
            <span class="visually-hidden">Filter by code, stage, pipeline or text</span>
            <input
              type="search"
              placeholder="Filter by code, stage, text…"
              value={text}
              onInput={(event) => setText(event.currentTarget.value)}
            />
          </label>
          <button type="button" class="button" onClick={look}>
            Look again
          </button>
        </div>
      </section>
      {replay === undefined || (group !== undefined && ownReplay !== undefined) ? null : (
        <div class="card under-way">
          <ReplayProgress replay={replay} />
        </div>
      )}
      {list.state === 'refused' ? <Problem asked={list} onToken={onToken} /> : null}
      {list.state === 'answered' && list.value.gaps.length > 0 ? (
        <ul class="notes">
          {list.value.gaps.map((gap) => (
            <li key={gap}>{gap}</li>
          ))}
        </ul>
      ) : null}
      {groups.length === 0 ? (
        list.state === 'answered' && list.value.gaps.length === 0 ? (
          <p class="card nothing-here">
            <LevelGlyph level="healthy" /> No letters lie in the dead-letter queues of this worker’s pipelines.
          </p>
        ) : null
      ) : (
        <div class={group === undefined ? 'beside' : 'beside has-panel'}>
          <GroupTable groups={shown} chosen={chosen} onChoose={setChosen} />
          {group === undefined ? null : (
            <GroupPanel
              key={keyOf(group)}
              group={group}
              underWay={ownReplay}
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

function headline(list: Asked<LetterList>, replay: ReplayUnderWay | undefined): string {
  // One look at a time.
  if (list.state === 'asking')
    return replay === undefined ? 'Looking through the queues…' : 'The queues are looked through after this replay.';
  if (list.state !== 'answered') return '\u00a0';
  return lookInWords(list.value);
}

function GroupTable({
  groups,
  chosen,
  onChoose,
}: {
  readonly groups: readonly LetterGroup[];
  readonly chosen: string | undefined;
  readonly onChoose: (key: string) => void;
}) {
  const now = Date.now();
  return (
    <div class="card table">
      <table class="letters">
        <thead>
          <tr>
            <th scope="col" class="number">
              Letters
            </th>
            <th scope="col">Code and pipeline</th>
            <th scope="col">Stage</th>
            <th scope="col">What happened</th>
            <th scope="col">Fingerprint</th>
            <th scope="col">Newest</th>
          </tr>
        </thead>
        <tbody>
          {groups.length === 0 ? (
            <tr>
              <td colSpan={6} class="quiet">
                No letter fits the filter.
              </td>
            </tr>
          ) : null}
          {groups.map((group) => (
            <tr key={keyOf(group)} class={keyOf(group) === chosen ? 'chosen' : undefined}>
              <td class="number" data-name="Letters">
                {grouped(group.letters)}
              </td>
              <th scope="row">
                <div>
                  <button
                    type="button"
                    class="link mono"
                    aria-expanded={keyOf(group) === chosen}
                    onClick={() => onChoose(keyOf(group))}
                  >
                    {group.code}
                  </button>
                  <p>{group.pipeline}</p>
                </div>
              </th>
              <td data-name="Stage">{group.stage}</td>
              <td class="prose" data-name="What happened">
                {group.message}
              </td>
              <td class="mono" data-name="Fingerprint">
                {group.fingerprint}
              </td>
              <td data-name="Newest">{ago(group.newestAt, now)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function GroupPanel({
  group,
  underWay,
  onClose,
  onToken,
  onChanged,
}: {
  readonly group: LetterGroup;
  /** A replay of these letters, whoever asked for it. */
  readonly underWay: ReplayUnderWay | undefined;
  readonly onClose: () => void;
  readonly onToken: () => void;
  readonly onChanged: () => void;
}) {
  const choice = { queue: group.queue, fingerprint: group.fingerprint };
  const [letters, setLetters] = useState<Asked<readonly LetterView[]>>({ state: 'none' });
  const [dryRun, setDryRun] = useState<Asked<DryRun>>({ state: 'none' });
  const [replay, setReplay] = useState<Asked<Replay>>({ state: 'none' });
  const [perSecond, setPerSecond] = useState(5);
  const [isConfirming, setConfirming] = useState(false);
  const isReplaying = replay.state === 'asking' || underWay !== undefined;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);

  const show = (): void => {
    setLetters({ state: 'asking' });
    void asked(act<readonly LetterView[]>('dead-letters/show', choice)).then(setLetters);
  };
  const rehearse = (): void => {
    setDryRun({ state: 'asking' });
    void asked(act<DryRun>('dead-letters/rehearse', choice)).then(setDryRun);
  };
  const start = (): void => {
    setConfirming(false);
    setReplay({ state: 'asking' });
    void asked(act<Replay>('dead-letters/replay', { ...choice, perSecond })).then((answer) => {
      setReplay(answer);
      onChanged();
    });
  };
  return (
    <aside class="card panel" aria-label={`Dead letters with ${group.code}`}>
      <header>
        <div>
          <h2 ref={heading} tabIndex={-1} class="mono">
            {group.code}
          </h2>
          <p class="quiet">
            {counted(group.letters, 'letter')} · {group.pipeline} · stage {group.stage}
          </p>
        </div>
        <button type="button" class="button quiet close" onClick={onClose} aria-label="Close">
          ✕
        </button>
      </header>
      <section>
        <h3>What happened</h3>
        <p class="prose">{group.message}</p>
      </section>
      <section>
        <div class="row">
          <h3>Dry run</h3>
          <button type="button" class="button" onClick={rehearse} disabled={dryRun.state === 'asking'}>
            {dryRun.state === 'asking' ? 'Trying…' : 'Try'}
          </button>
        </div>
        {dryRun.state === 'answered' ? <DryRunResult run={dryRun.value} at={dryRun.at} /> : null}
        {dryRun.state === 'none' ? (
          <p class="quiet">What today’s code would make of them. No API is called, nothing is published or settled.</p>
        ) : null}
        <Problem asked={dryRun} onToken={onToken} />
      </section>
      <section>
        <h3>Replay</h3>
        <label class="slider">
          <span>
            {perSecond}/s, about {Math.max(1, Math.ceil(group.letters / perSecond))} s
          </span>
          <input
            type="range"
            min="1"
            max="50"
            value={perSecond}
            onInput={(event) => setPerSecond(Number(event.currentTarget.value))}
            aria-label="Letters a second"
          />
        </label>
        <button type="button" class="button primary" onClick={() => setConfirming(true)} disabled={isReplaying}>
          {isReplaying ? 'Replaying…' : `Replay ${grouped(group.letters)}…`}
        </button>
        {underWay === undefined ? null : <ReplayProgress replay={underWay} />}
        {replay.state === 'answered' ? <ReplayResult replay={replay.value} /> : null}
        <Problem asked={replay} onToken={onToken} />
      </section>
      <section>
        <div class="row">
          <h3>Letters</h3>
          <button type="button" class="button" onClick={show} disabled={letters.state === 'asking'}>
            Show
          </button>
        </div>
        <Problem asked={letters} onToken={onToken} />
        {letters.state === 'answered'
          ? letters.value.map((letter) => <LetterPart key={letter.id} letter={letter} />)
          : null}
      </section>
      {isConfirming ? (
        <Confirm
          title={`Replay ${counted(group.letters, 'letter')}?`}
          yes={`Replay ${grouped(group.letters)}`}
          onNo={() => setConfirming(false)}
          onYes={start}
        >
          <p>
            Every letter of <code>{group.queue}</code> with this failure is put into <code>{group.queue}</code> again,
            at most {perSecond} a second. Its message id stays, so effects it has had already are not had twice.
          </p>
          <p>The pipeline handles it like any other message; what fails again comes back here.</p>
        </Confirm>
      ) : null}
    </aside>
  );
}

function DryRunResult({ run, at }: { readonly run: DryRun; readonly at: number }) {
  const share = run.letters === 0 ? 0 : (100 * run.accepted) / run.letters;
  return (
    <div role="status">
      <p class="big">
        {run.accepted} of {run.letters} would now pass
      </p>
      <svg class="share" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
        <rect width="100" height="4" class="well" />
        <rect width={share} height="4" class="good" />
      </svg>
      <ul class="notes">
        {run.details.map(({ text, letters }) => (
          <li key={text}>
            {counted(letters, 'letter')}: {text}
          </li>
        ))}
        {run.notKnown > 0 ? <li>{counted(run.notKnown, 'letter')}: came neither to an end nor to a call</li> : null}
      </ul>
      <p class="quiet">Tried {clock(at)}. What an API would answer is not known without asking it.</p>
    </div>
  );
}

function ReplayProgress({ replay }: { readonly replay: ReplayUnderWay }) {
  const { queue, perSecond, letters, looked, replayed } = replay;
  const share = letters === 0 ? 0 : Math.min(100, (100 * looked) / letters);
  return (
    <div class="replaying">
      <p>
        {counted(replayed, 'letter')} of <code>{queue}</code> went back to work so far, at most {perSecond} a second.
      </p>
      <div
        role="progressbar"
        aria-label={`Replay of ${queue}`}
        aria-valuenow={Math.round(share)}
        aria-valuetext={`${looked} of ${counted(letters, 'letter')} looked at`}
      >
        <svg class="share going" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
          <rect width="100" height="4" class="well" />
          <rect width={share} height="4" class="good" />
        </svg>
      </div>
      <p class="quiet">
        {letters === 0 ? 'Opening the dead letters…' : `${grouped(looked)} of ${counted(letters, 'letter')} looked at.`}
      </p>
    </div>
  );
}

function ReplayResult({ replay }: { readonly replay: Replay }) {
  return (
    <div role="status">
      <p>
        {counted(replay.replayed, 'letter')} of {replay.matched} went back to work.
      </p>
      {replay.inDoubt > 0 ? (
        <p>{counted(replay.inDoubt, 'letter')} may lie in both queues; their ids are the same.</p>
      ) : null}
      {replay.unsendable > 0 ? (
        <p>{counted(replay.unsendable, 'letter')} cannot be sent as they are, and stay.</p>
      ) : null}
      {replay.failure === undefined ? null : <p class="problem">{replay.failure}</p>}
    </div>
  );
}

function LetterPart({ letter }: { readonly letter: LetterView }) {
  return (
    <details class="letter">
      <summary>
        <span class="mono">{letter.id}</span>{' '}
        <span class="quiet">
          {counted(letter.attempts ?? 1, 'attempt')}
          {letter.retries > 0 ? `, replayed ${counted(letter.retries, 'time')}` : ''} ·{' '}
          {ago(letter.lastFailedAt, Date.now())}
        </span>
      </summary>
      <p class="prose">{letter.message}</p>
      <CodeBlock label={`Payload of ${letter.id}`} text={letter.body.text} />
    </details>
  );
}
