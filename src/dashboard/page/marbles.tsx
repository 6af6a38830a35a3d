/** The live marble view of one pipeline: what flows, paused and scrolled back at will, and one message's story beside it. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { PipelineView } from '../wire.ts';
import { clockMs, duration, grouped, rate } from './format.ts';
import { KIND_NAMES, LevelGlyph, MarbleGlyph } from './glyphs.tsx';
import { type Group, KEPT_MS } from './journey-groups.ts';
import { LABELS, NARROW } from './lanes.ts';
import { Figure } from './overview.tsx';
import { RecentMessages } from './recent.tsx';
import { hrefOf } from './route.ts';
import { Scene } from './scene.tsx';
import { sceneState } from './scene-state.ts';
import { store, useStore } from './store.ts';
import { type StoryOf, StoryPanel } from './story.tsx';

const WINDOWS = [6_000, 12_000, 30_000];

export function MarblesView({ pipeline }: { readonly pipeline: PipelineView }) {
  const { pipelines } = useStore();
  const { shape, health, counts } = pipeline;
  const [plot, width] = useWidth();
  const [windowMs, setWindow] = useState(innerWidth < NARROW ? 6_000 : 12_000);
  const [endAt, setEnd] = useState<number | undefined>(undefined);
  const [hovered, setHovered] = useState<string | undefined>(undefined);
  const [stepped, setStepped] = useState<string | undefined>(undefined);
  const [open, setOpen] = useState<StoryOf | undefined>(undefined);
  const hasPaused = useRef(false);

  const plotWidth = Math.max(60, width - (width < NARROW ? 0 : LABELS));
  const state = sceneState(shape.name, plotWidth, windowMs, endAt ?? store.now());
  const focused = hovered ?? stepped ?? (open === undefined ? undefined : keyOf(open));
  const focusedGroup = focused === undefined ? undefined : store.groups.get(focused);

  const pause = (): void => setEnd((at) => at ?? store.now());
  const resume = (): void => {
    setEnd(undefined);
    setStepped(undefined);
  };
  const move = (ms: number): void =>
    setEnd((at) => {
      const now = store.now();
      const next = (at ?? now) + ms;
      return next >= now ? undefined : Math.max(now - KEPT_MS + windowMs, next);
    });
  const pick = (key: string): void => {
    const group = store.groups.get(key);
    if (group === undefined) return;
    hasPaused.current ||= endAt === undefined;
    pause();
    setStepped(key);
    setOpen({ pipeline: group.pipeline, messageId: group.messageId, tag: group.tag });
  };
  const close = (): void => {
    setOpen(undefined);
    setStepped(undefined);
    if (hasPaused.current) resume();
    hasPaused.current = false;
    plot.current?.focus();
  };
  const step = (by: number): void => {
    pause();
    const { groups } = state;
    const at = groups.findIndex(({ key }) => key === focused);
    const next = at === -1 ? (by > 0 ? 0 : groups.length - 1) : Math.min(groups.length - 1, Math.max(0, at + by));
    setStepped(groups[next]?.key);
  };
  const onKey = (event: KeyboardEvent): void => {
    const action = {
      ArrowLeft: () => step(-1),
      ArrowRight: () => step(1),
      Enter: () => focused !== undefined && pick(focused),
      ' ': () => (endAt === undefined ? pause() : resume()),
      PageUp: () => move(-windowMs / 2),
      PageDown: () => move(windowMs / 2),
      End: resume,
    }[event.key];
    if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  };
  useEscape(open === undefined ? () => setStepped(undefined) : close);
  const drag = useDrag(plotWidth / windowMs, endAt, (at) => setEnd(at));

  return (
    <>
      <PipelineTabs chosen={shape.name} pipelines={pipelines} view="marbles" />
      <section class="head">
        <div class="said">
          <h1>{shape.name}</h1>
          <p>
            <LevelGlyph level={health.level} />
            {health.sentence}
          </p>
        </div>
        <dl class="numbers">
          <Figure name="In" value={rate(pipeline.inRate)} unit="/s" />
          <Figure name="Out" value={rate(pipeline.outRate)} unit="/s" />
          <Figure name="In flight" value={grouped(counts.inFlight)} unit={` / ${shape.prefetch}`} />
          <Figure name="p50" value={duration(pipeline.p50Ms)} />
          <Figure name="p99" value={duration(pipeline.p99Ms)} />
          <Figure name="Retries" value={grouped(pipeline.retriesPerMinute)} unit="/min" />
          <Figure name="Dead letters" value={grouped(counts.deadLettered)} isBad={counts.deadLettered > 0} />
        </dl>
      </section>
      <div class={open === undefined ? 'beside' : 'beside has-panel'}>
        <div class="card marbles">
          <div class="toolbar">
            <button
              type="button"
              class="button"
              onClick={() => (endAt === undefined ? pause() : resume())}
              aria-pressed={endAt !== undefined}
            >
              {endAt === undefined ? '❚❚ Pause' : '▶ Resume'}
            </button>
            <fieldset class="choice">
              <legend>Window</legend>
              {WINDOWS.map((ms) => (
                <button key={ms} type="button" aria-pressed={ms === windowMs} onClick={() => setWindow(ms)}>
                  {ms / 1_000} s
                </button>
              ))}
            </fieldset>
            <fieldset class="choice">
              <legend>Scroll</legend>
              <button type="button" onClick={() => move(-windowMs / 2)} aria-label="Earlier">
                ←
              </button>
              <button
                type="button"
                onClick={() => move(windowMs / 2)}
                aria-label="Later"
                disabled={endAt === undefined}
              >
                →
              </button>
            </fieldset>
            <p class={focusedGroup === undefined ? 'hint' : 'hint readout'} aria-live="polite">
              {focusedGroup !== undefined ? (
                sentenceOf(focusedGroup)
              ) : (
                <>
                  {endAt === undefined ? null : <strong>Paused at {clockMs(endAt)} · </strong>}
                  {state.isDense
                    ? `${rate(state.perSecond)}/s drawn as density, 1 message a second in full`
                    : 'Click or Tab into the diagram: ← → step · Enter open · Space pause'}
                </>
              )}
            </p>
          </div>
          <section
            class={endAt === undefined ? 'plot' : 'plot is-paused'}
            ref={plot}
            // biome-ignore lint/a11y/noNoninteractiveTabindex: the diagram is one tab stop, moved in by the arrow keys
            tabIndex={0}
            aria-label={`Marble diagram of ${shape.name}: arrow keys step through messages, Enter opens one, Space pauses, Page Up scrolls back`}
            onKeyDown={onKey}
            {...drag}
          >
            {width > 0 ? (
              <Scene
                pipeline={pipeline}
                width={width}
                windowMs={windowMs}
                endAt={endAt}
                focused={focused}
                onHover={setHovered}
                onPick={pick}
              />
            ) : null}
            {state.groups.length === 0 && counts.inFlight === 0 ? (
              <p class="nothing">No deliveries in these {windowMs / 1_000} s.</p>
            ) : null}
          </section>
          <Legend />
        </div>
        {open === undefined ? null : <StoryPanel of={open} onClose={close} />}
      </div>
      <Ledger pipeline={pipeline} />
      <Troubles pipeline={pipeline} />
      <RecentMessages pipeline={shape.name} onPick={setOpen} />
    </>
  );
}

const keyOf = ({ pipeline, messageId, tag }: StoryOf): string => JSON.stringify([pipeline, messageId, tag]);

/** What the picture shows of a message, in words. */
function sentenceOf({ messageId, at, calls, settled }: Group): string {
  const failed = calls.flatMap(({ attempts }) => attempts).filter(({ outcome }) => outcome === 'failed').length;
  const called = `${calls.length} ${calls.length === 1 ? 'call' : 'calls'}${failed > 0 ? `, ${failed} failed` : ''}`;
  const end =
    settled === undefined
      ? 'still on its way'
      : `${KIND_NAMES[settled.settlement]} after ${duration(settled.durationMs)}${settled.code === undefined ? '' : ` with ${settled.code}`}`;
  return `${messageId} · ${clockMs(at)} · ${called} · ${end}`;
}

export function PipelineTabs({
  chosen,
  pipelines,
  view,
}: {
  readonly chosen: string;
  readonly pipelines: readonly PipelineView[];
  readonly view: 'marbles' | 'graph';
}) {
  return (
    <nav class="pipelines" aria-label="Pipelines">
      {pipelines.map(({ shape: { name }, health: { level } }) => (
        <a key={name} href={hrefOf(view, name)} aria-current={name === chosen ? 'page' : undefined}>
          <LevelGlyph level={level} />
          {name}
        </a>
      ))}
    </nav>
  );
}

function Legend() {
  return (
    <ul class="legend" aria-label="Legend">
      <li>
        <MarbleGlyph kind="delivery" /> delivery
      </li>
      <li>
        <MarbleGlyph kind="ack" /> ack
      </li>
      <li>
        <MarbleGlyph kind="retry" /> retry later
      </li>
      <li>
        <MarbleGlyph kind="deadLetter" /> dead letter
      </li>
      <li>
        <MarbleGlyph kind="returned" /> returned
      </li>
      <li>
        <MarbleGlyph kind="published" /> publish
      </li>
      {(['ok', 'undoing', 'failed', 'aborted', 'rejected'] as const).map((outcome) => (
        <li key={outcome}>
          <svg class="glyph" viewBox="0 0 30 18" width="30" height="18" aria-hidden="true">
            <g class={`attempt ${outcome}`}>
              {outcome === 'rejected' ? (
                <>
                  <circle cx="15" cy="9" r="5" />
                  <path d="m12 12 6-6" />
                </>
              ) : (
                <>
                  <rect x="3" y="3" width="22" height="12" rx="3" class="body" />
                  {outcome === 'undoing' ? <path class="undo" d="M8 3 1 9l7 6z" /> : null}
                  {outcome === 'failed' ? <path class="cross" d="m22 6 6 6m0-6-6 6" /> : null}
                  {outcome === 'aborted' ? <path class="cut" d="m22 17 6-16" /> : null}
                </>
              )}
            </g>
          </svg>
          {
            { ok: 'call', undoing: 'compensation', failed: 'failed', aborted: 'aborted', rejected: 'turned away' }[
              outcome
            ]
          }
        </li>
      ))}
    </ul>
  );
}

/** The books: always in balance. */
function Ledger({ pipeline: { counts } }: { readonly pipeline: PipelineView }) {
  const parts = [
    ['acked', counts.acked],
    ['retried', counts.retried],
    ['dead-lettered', counts.deadLettered],
    ['returned', counts.returned],
    ['in flight', counts.inFlight],
  ] as const;
  return (
    <p class="ledger">
      delivered <b>{grouped(counts.delivered)}</b> <span>=</span>
      {parts.map(([name, count], index) => (
        <span key={name}>
          {index === 0 ? ' ' : ' + '}
          {name} <b>{grouped(count)}</b>
        </span>
      ))}
    </p>
  );
}

function Troubles({ pipeline: { troubles } }: { readonly pipeline: PipelineView }) {
  if (troubles.length === 0) return null;
  return (
    <section>
      <h2>What went wrong since the start</h2>
      <div class="card table">
        <table>
          <thead>
            <tr>
              <th scope="col" class="number">
                Messages
              </th>
              <th scope="col">Became</th>
              <th scope="col">Code and stage</th>
              <th scope="col">The latest</th>
              <th scope="col">When</th>
            </tr>
          </thead>
          <tbody>
            {troubles.map(({ settlement, code, stage, reason, count, lastAt }) => (
              <tr key={`${settlement} ${code} ${stage}`}>
                <td class="number" data-name="Messages">
                  {grouped(count)}
                </td>
                <td data-name="Became">
                  <span class="with-glyph">
                    <MarbleGlyph kind={settlement} />
                    {KIND_NAMES[settlement]}
                  </span>
                </td>
                <td data-name="Code and stage">
                  <code>{code}</code> <span class="quiet">{stage ?? ''}</span>
                </td>
                <td class="prose" data-name="The latest">
                  {reason}
                </td>
                <td data-name="When">{clockMs(lastAt).slice(0, 8)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function useWidth() {
  const plot = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = plot.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [plot, width] as const;
}

function useEscape(onEscape: () => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === 'Escape' && document.querySelector('dialog[open]') === null) onEscape();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  });
}

/** Dragging, or a sideways wheel, scrolls through time. */
function useDrag(scale: number, endAt: number | undefined, onEnd: (at: number | undefined) => void) {
  const from = useRef<{ readonly x: number; readonly end: number } | undefined>(undefined);
  const to = (end: number): void => {
    const now = store.now();
    onEnd(end >= now ? undefined : Math.max(now - KEPT_MS, end));
  };
  return {
    onPointerDown: (event: PointerEvent) => {
      if (event.button === 0) from.current = { x: event.clientX, end: endAt ?? store.now() };
    },
    onPointerMove: (event: PointerEvent) => {
      const start = from.current;
      if (start === undefined || event.buttons === 0) return;
      const moved = event.clientX - start.x;
      if (Math.abs(moved) > 4) to(start.end - moved / scale);
    },
    onPointerUp: () => {
      from.current = undefined;
    },
    onWheel: (event: WheelEvent) => {
      const by = event.shiftKey ? event.deltaY : event.deltaX;
      if (Math.abs(by) < 2) return;
      event.preventDefault();
      to((endAt ?? store.now()) + by / scale);
    },
  };
}
