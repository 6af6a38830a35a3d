/** All pipelines, those in trouble first. */
import { useRef } from 'preact/hooks';
import type { Level, PipelineView } from '../wire.ts';
import { counted, duration, grouped, NONE, rate } from './format.ts';
import { LevelGlyph } from './glyphs.tsx';
import { hrefOf } from './route.ts';
import { useStore } from './store.ts';

const ORDER: readonly Level[] = ['broken', 'degraded', 'noteworthy', 'healthy', 'idle'];
const SORT_EVERY_MS = 5_000;

export function Overview() {
  const { pipelines, apis } = useStore();
  const list = useRef<HTMLDivElement>(null);
  const sorted = useSorted(pipelines, () => list.current?.matches(':hover, :focus-within') === true);
  const troubled = sorted.filter(({ health: { level } }) => level === 'broken' || level === 'degraded');
  const [first] = troubled;
  const sum = (of: (pipeline: PipelineView) => number): number => pipelines.reduce((all, one) => all + of(one), 0);
  return (
    <>
      <section class="head">
        <div class="said">
          <h1>
            {first === undefined
              ? 'All is well'
              : `${troubled.length} of ${counted(pipelines.length, 'pipeline')} ${troubled.length === 1 ? 'needs' : 'need'} attention`}
          </h1>
          <p>{first === undefined ? calm(pipelines) : `Start with ${first.shape.name}. ${first.health.sentence}`}</p>
        </div>
        <dl class="numbers">
          <Figure name="In" value={rate(sum(({ inRate }) => inRate))} unit="/s" />
          <Figure name="Out" value={rate(sum(({ outRate }) => outRate))} unit="/s" />
          <Figure
            name="In flight"
            value={grouped(sum(({ counts }) => counts.inFlight))}
            unit={` / ${grouped(sum(({ shape }) => shape.prefetch))}`}
          />
          <Figure name="Dead letters" value={grouped(sum(({ counts }) => counts.deadLettered))} />
        </dl>
      </section>
      <div class="card table" ref={list}>
        <table class="overview">
          <thead>
            <tr>
              <th scope="col">Pipeline</th>
              <th scope="col" class="number">
                In
              </th>
              <th scope="col" class="number">
                Out
              </th>
              <th scope="col" class="number">
                Waiting
              </th>
              <th scope="col">In flight</th>
              <th scope="col" class="number">
                p50
              </th>
              <th scope="col" class="number">
                p99
              </th>
              <th scope="col" class="number">
                Retries
              </th>
              <th scope="col" class="number">
                Dead
              </th>
              <th scope="col">Breakers</th>
              <th scope="col">Deliveries, 60 s</th>
            </tr>
          </thead>
          <tbody>
            {sorted.map((pipeline) => (
              <Row key={pipeline.shape.name} pipeline={pipeline} />
            ))}
          </tbody>
        </table>
      </div>
      {apis.length > 0 ? <ApiTable /> : null}
      <Sagas />
    </>
  );
}

const calm = (pipelines: readonly PipelineView[]): string => {
  const worth = pipelines.filter(({ health }) => health.level === 'noteworthy');
  const idle = pipelines.filter(({ health }) => health.level === 'idle');
  if (worth.length > 0) return `${worth[0]?.shape.name}: ${worth[0]?.health.sentence}`;
  return idle.length === pipelines.length
    ? 'Nothing comes in just now; the queues are listened to.'
    : 'Messages flow, and all of them come to a good end.';
};

/** A new order at most every 5 s, and never under the pointer or the focus. */
function useSorted(pipelines: readonly PipelineView[], isHeld: () => boolean): PipelineView[] {
  const order = useRef<{ at: number; names: readonly string[] }>({ at: Number.NEGATIVE_INFINITY, names: [] });
  const names = pipelines.map(({ shape }) => shape.name);
  const isOther = names.some((name) => !order.current.names.includes(name));
  const now = performance.now();
  if (isOther || (now - order.current.at > SORT_EVERY_MS && !isHeld())) {
    const ranked = [...pipelines].sort(
      (one, other) =>
        ORDER.indexOf(one.health.level) - ORDER.indexOf(other.health.level) ||
        one.shape.name.localeCompare(other.shape.name),
    );
    order.current = { at: now, names: ranked.map(({ shape }) => shape.name) };
  }
  const place = (pipeline: PipelineView): number => order.current.names.indexOf(pipeline.shape.name);
  return [...pipelines].sort((one, other) => place(one) - place(other));
}

export function Figure({ name, value, unit, isBad }: { name: string; value: string; unit?: string; isBad?: boolean }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class={isBad === true ? 'bad' : undefined}>
        {value}
        {unit === undefined ? null : <small>{unit}</small>}
      </dd>
    </div>
  );
}

function Row({ pipeline }: { readonly pipeline: PipelineView }) {
  const { shape, health, counts, waiting, inRate, outRate, p50Ms, p99Ms, retriesPerMinute, spark } = pipeline;
  return (
    <tr>
      <th scope="row">
        <div>
          <LevelGlyph level={health.level} />
          <div>
            <a href={hrefOf('marbles', shape.name)}>{shape.name}</a>
            <p>{health.sentence}</p>
          </div>
        </div>
      </th>
      <td class="number" data-name="In">
        {rate(inRate)}
        <small>/s</small>
      </td>
      <td class="number" data-name="Out">
        {rate(outRate)}
        <small>/s</small>
      </td>
      <td class="number" data-name="Waiting" title={waited(pipeline)}>
        {waiting.messages === undefined ? NONE : grouped(waiting.messages)}
        {waiting.ageMs === undefined || waiting.messages === 0 ? null : <small> {duration(waiting.ageMs)}</small>}
      </td>
      <td data-name="In flight">
        <span class="of">
          {counts.inFlight}
          <small> / {shape.prefetch}</small>
        </span>
        <Meter value={counts.inFlight} max={shape.prefetch} />
      </td>
      <td class="number" data-name="p50">
        {duration(p50Ms)}
      </td>
      <td class="number" data-name="p99">
        {duration(p99Ms)}
      </td>
      <td class="number" data-name="Retries">
        {retriesPerMinute}
        <small>/min</small>
      </td>
      <td class={counts.deadLettered > 0 ? 'number bad' : 'number'} data-name="Dead letters">
        {grouped(counts.deadLettered)}
      </td>
      <td data-name="Breakers">
        <Breakers pipeline={pipeline} />
      </td>
      <td class="recent" data-name="Deliveries, 60 s">
        <Spark counts={spark} />
      </td>
    </tr>
  );
}

function waited({ shape, waiting: { ageMs } }: PipelineView): string {
  const age =
    ageMs === undefined
      ? 'their publisher does not say since when'
      : `the last came in ${duration(ageMs)} after its publish`;
  return `Ready in ${shape.queue}, looked at every 15 s; ${age}.`;
}

function Meter({ value, max }: { readonly value: number; readonly max: number }) {
  return (
    <svg class="meter" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
      <rect width="100" height="4" class="well" />
      <rect width={Math.min(100, (100 * value) / Math.max(1, max))} height="4" class="fill" />
    </svg>
  );
}

function Breakers({ pipeline }: { readonly pipeline: PipelineView }) {
  const { apis } = useStore();
  const own = pipeline.shape.apis.map(({ name }) => apis.find((api) => api.name === name));
  const shut = own.filter((api) => api !== undefined && api.breaker !== 'closed');
  if (own.length === 0) return <span class="quiet">none</span>;
  if (shut.length === 0) return <span class="tag">all closed</span>;
  return (
    <>
      {shut.map((api) => (
        <span key={api?.name} class={`tag ${api?.breaker === 'half-open' ? 'warn' : 'bad'}`}>
          {api?.name} {api?.breaker}
        </span>
      ))}
    </>
  );
}

function Spark({ counts }: { readonly counts: readonly number[] }) {
  const max = Math.max(1, ...counts);
  const step = 120 / Math.max(1, counts.length - 1);
  const points = counts.map((count, index) => `${(index * step).toFixed(1)},${(25 - (22 * count) / max).toFixed(1)}`);
  const latest = counts.at(-1) ?? 0;
  return (
    <svg
      class="spark"
      viewBox="0 0 120 28"
      preserveAspectRatio="none"
      role="img"
      aria-label={`${latest} in the last second, at most ${max} a second`}
    >
      <polyline points={points.join(' ')} />
    </svg>
  );
}

/** Sagas by the last line of their journals: those that are stuck first. */
function Sagas() {
  const journal = useStore().worker?.journal;
  const sagas = (journal?.counts ?? []).filter(({ space }) => space === 'saga');
  if (journal === undefined || (sagas.length === 0 && journal.isAvailable)) return null;
  const sorted = [...sagas].sort((one, other) => Number(other.lastKind === 'stuck') - Number(one.lastKind === 'stuck'));
  return (
    <section>
      <h2>Sagas</h2>
      {journal.isAvailable ? null : (
        <p class="problem">The journal cannot be asked{journal.reason === undefined ? '.' : `: ${journal.reason}.`}</p>
      )}
      <div class="card table">
        <table>
          <thead>
            <tr>
              <th scope="col">Saga</th>
              <th scope="col">Last record</th>
              <th scope="col" class="number">
                Sagas
              </th>
            </tr>
          </thead>
          <tbody>
            {sorted.map(({ name, lastKind, entries }) => (
              <tr key={`${name} ${lastKind}`}>
                <th scope="row">{name}</th>
                <td data-name="Last record">
                  <span class={lastKind === 'stuck' ? 'tag bad' : 'tag'}>{lastKind}</span>
                </td>
                <td class="number" data-name="Sagas">
                  {grouped(entries)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function ApiTable() {
  const { apis } = useStore();
  return (
    <section>
      <h2>APIs</h2>
      <div class="card table">
        <table>
          <thead>
            <tr>
              <th scope="col">API</th>
              <th scope="col">Breaker</th>
              <th scope="col" class="number">
                Calls, 60 s
              </th>
              <th scope="col" class="number">
                Failed
              </th>
              <th scope="col" class="number">
                Running
              </th>
              <th scope="col" class="number">
                Limit
              </th>
              <th scope="col" class="number">
                p50
              </th>
              <th scope="col" class="number">
                p99
              </th>
              <th scope="col">Rate limit</th>
            </tr>
          </thead>
          <tbody>
            {apis.map((api) => (
              <tr key={api.name}>
                <th scope="row">{api.name}</th>
                <td data-name="Breaker">
                  <span class={`tag ${api.breaker === 'closed' ? '' : api.breaker === 'half-open' ? 'warn' : 'bad'}`}>
                    {api.breaker}
                  </span>
                </td>
                <td class="number" data-name="Calls, 60 s">
                  {grouped(api.calls)}
                </td>
                <td class={api.failed > 0 ? 'number bad' : 'number'} data-name="Failed">
                  {grouped(api.failed)}
                </td>
                <td class="number" data-name="Running">
                  {api.running}
                </td>
                <td class="number" data-name="Limit">
                  {api.limit ?? '–'}
                </td>
                <td class="number" data-name="p50">
                  {duration(api.p50Ms)}
                </td>
                <td class="number" data-name="p99">
                  {duration(api.p99Ms)}
                </td>
                <td data-name="Rate limit">
                  {api.waits === 0 ? (
                    <span class="quiet">no waits</span>
                  ) : (
                    `${counted(api.waits, 'wait')}, up to ${duration(api.longestWaitMs)}`
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
