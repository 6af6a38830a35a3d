/** The page: its head, and the view that is asked for. */
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { token } from './connection.ts';
import { DeadLetters } from './dead-letters.tsx';
import { clock, grouped } from './format.ts';
import { LevelGlyph, Logo } from './glyphs.tsx';
import { GraphView } from './graph.tsx';
import { MarblesView } from './marbles.tsx';
import { Overview } from './overview.tsx';
import { hrefOf, usePlace, type View } from './route.ts';
import { SagasView } from './sagas.tsx';
import { store, useStore } from './store.ts';
import { useTheme } from './theme.ts';
import { TokenDialog } from './token-dialog.tsx';

const TABS: readonly { readonly view: View; readonly label: string }[] = [
  { view: 'overview', label: 'Overview' },
  { view: 'marbles', label: 'Marbles' },
  { view: 'graph', label: 'Graph' },
  { view: 'dead-letters', label: 'Dead letters' },
  { view: 'sagas', label: 'Sagas' },
];

function Page() {
  const { line, worker, pipelines } = useStore();
  const { view, pipeline } = usePlace();
  const [theme, turnTheme] = useTheme();
  const [isAsking, setAsking] = useState(false);
  const isLocked = line.state === 'locked';
  const [isPutOff, setPutOff] = useState(false);
  useEffect(() => {
    if (!isLocked) setPutOff(false);
  }, [isLocked]);
  useEffect(() => {
    document.title = `${TABS.find((tab) => tab.view === view)?.label ?? ''} · sluice`;
  }, [view]);

  const dead = pipelines.reduce((sum, { counts }) => sum + counts.deadLettered, 0);
  const stuck = (worker?.journal.counts ?? [])
    .filter(({ space, lastKind }) => space === 'saga' && lastKind === 'stuck')
    .reduce((sum, { entries }) => sum + entries, 0);
  const chosen = pipelines.find(({ shape }) => shape.name === pipeline) ?? pipelines[0];
  return (
    <>
      <button type="button" class="skip" onClick={() => document.querySelector('main')?.focus()}>
        Skip to content
      </button>
      <header class="bar">
        <a class="brand" href={hrefOf('overview')}>
          <Logo />
          sluice
        </a>
        <nav aria-label="Views">
          {TABS.map((tab) => (
            <a
              key={tab.view}
              href={hrefOf(tab.view, tab.view === 'marbles' || tab.view === 'graph' ? chosen?.shape.name : undefined)}
              aria-current={tab.view === view ? 'page' : undefined}
            >
              {tab.label}
              {tab.view === 'dead-letters' && dead > 0 ? (
                <span class="badge" title="dead-lettered since the worker started">
                  {grouped(dead)}
                </span>
              ) : null}
              {tab.view === 'sagas' && stuck > 0 ? (
                <span class="badge" title="stuck: somebody has to look">
                  {grouped(stuck)}
                </span>
              ) : null}
            </a>
          ))}
        </nav>
        <WorkerState />
        <button
          type="button"
          class="button quiet"
          onClick={() => (isLocked ? setPutOff(false) : setAsking(true))}
          title="The token that actions need"
        >
          Token{token.get() === '' || isLocked ? '' : ' ✓'}
        </button>
        <button type="button" class="button quiet" onClick={turnTheme} aria-label={`Theme: ${theme}`} title="Theme">
          ◐<span class="wide"> {theme}</span>
        </button>
      </header>
      <Banner />
      <main id="main" tabIndex={-1}>
        {worker === undefined ? (
          <p class="waiting">
            {isLocked ? 'This worker asks for its token. ' : 'Waiting for the worker…'}
            {isLocked ? (
              <button type="button" class="button" onClick={() => setPutOff(false)}>
                Give the token
              </button>
            ) : null}
          </p>
        ) : pipelines.length === 0 ? (
          <NoPipelines />
        ) : view === 'overview' ? (
          <Overview />
        ) : view === 'dead-letters' ? (
          <DeadLetters onToken={() => setAsking(true)} />
        ) : view === 'sagas' ? (
          <SagasView onToken={() => setAsking(true)} />
        ) : chosen === undefined ? null : view === 'marbles' ? (
          <MarblesView key={chosen.shape.name} pipeline={chosen} />
        ) : (
          <GraphView pipeline={chosen} />
        )}
      </main>
      {isAsking || (isLocked && !isPutOff) ? (
        <TokenDialog
          isNeeded={isLocked}
          onClose={() => {
            setAsking(false);
            setPutOff(true);
          }}
          onToken={() => {
            setAsking(false);
            store.reconnect();
          }}
        />
      ) : null}
    </>
  );
}

function WorkerState() {
  const { line, worker } = useStore();
  const isLost = line.state === 'lost';
  const state = isLost ? 'not there' : line.state === 'live' ? (worker?.state ?? 'connecting') : line.state;
  const level = isLost ? 'broken' : state === 'running' ? 'healthy' : state === 'draining' ? 'degraded' : 'idle';
  return (
    <p class="worker">
      <LevelGlyph level={level} />
      <span>
        <span class="wide">worker </span>
        {state}
      </span>
    </p>
  );
}

/** Only a lost worker is announced by itself. */
function Banner() {
  const { line } = useStore();
  if (line.state !== 'lost') return <div role="alert" />;
  return (
    <div role="alert" class="banner">
      <LevelGlyph level="broken" />
      The worker is not there since {clock(line.since)}. What you see is from then; trying again.
    </div>
  );
}

function NoPipelines() {
  return (
    <section class="empty">
      <h1>No pipeline runs here yet</h1>
      <p>
        A pipeline is a TypeScript module in <code>pipelines/</code> that takes messages from a queue. Write one, and it
        appears here.
      </p>
      <pre>
        <code>sluice dev pipelines</code>
      </pre>
    </section>
  );
}

store.start();
const page = document.getElementById('page');
if (page !== null) render(<Page />, page);
