/** One message's whole story: what happened when, what it carried, and the same as a marble test. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Fact } from '../../events.ts';
import type { Story } from '../wire.ts';
import { CodeBlock } from './code-block.tsx';
import { ask, Refused } from './connection.ts';
import { clockMs, duration, grouped } from './format.ts';
import { KIND_NAMES, MarbleGlyph, type MarbleKind } from './glyphs.tsx';

export interface StoryOf {
  readonly pipeline: string;
  readonly messageId: string;
  readonly tag: number;
}

const AGAIN_MS = 1_000;

export function StoryPanel({ of, onClose }: { readonly of: StoryOf; readonly onClose: () => void }) {
  const [story, setStory] = useState<Story | undefined>(undefined);
  const [why, setWhy] = useState<string | undefined>(undefined);
  const heading = useRef<HTMLHeadingElement>(null);
  const { pipeline, messageId, tag } = of;

  useEffect(() => {
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const load = async (): Promise<void> => {
      try {
        const query = new URLSearchParams({ pipeline, id: messageId, tag: String(tag) });
        const found = await ask<Story>(`story?${query}`);
        if (isOver) return;
        setStory(found);
        setWhy(undefined);
        // A story that goes on is read again.
        if (found.settled === undefined) timer = setTimeout(() => void load(), AGAIN_MS);
      } catch (error) {
        if (!isOver) setWhy(error instanceof Refused ? error.message : 'the worker does not answer');
      }
    };
    setStory(undefined);
    void load();
    heading.current?.focus();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [pipeline, messageId, tag]);

  return (
    <aside class="card panel" aria-label={`Message ${messageId}`}>
      <header>
        <div>
          <h2 ref={heading} tabIndex={-1}>
            {story === undefined ? 'Message' : titleOf(story)}
          </h2>
          <p class="mono quiet">
            {messageId}
            {story === undefined ? null : ` · ${clockMs(story.facts[0]?.at ?? 0)}`}
          </p>
        </div>
        <button type="button" class="button quiet close" onClick={onClose} aria-label="Close">
          ✕
        </button>
      </header>
      {why === undefined ? null : <p class="problem">{why}</p>}
      {story === undefined ? null : (
        <>
          <Timeline story={story} />
          <MarbleTestPart story={story} />
          <Identity story={story} />
          <Payload story={story} />
        </>
      )}
    </aside>
  );
}

function titleOf({ settled }: Story) {
  if (settled === undefined) return 'On its way';
  const name = KIND_NAMES[settled.settlement];
  return (
    <>
      <MarbleGlyph kind={settled.settlement} />
      {name.charAt(0).toUpperCase() + name.slice(1)} after {duration(settled.durationMs)}
    </>
  );
}

interface Line {
  readonly at: number;
  readonly kind: MarbleKind | 'call' | 'none';
  readonly outcome?: string;
  readonly text: preact.ComponentChildren;
  readonly aside?: preact.ComponentChildren;
  /** Whether it is a call of a compensation. */
  readonly isUndoing?: boolean;
  readonly from?: number;
  readonly to?: number;
}

function Timeline({ story }: { readonly story: Story }) {
  const { facts, settled } = story;
  const start = facts[0]?.at ?? 0;
  const length = Math.max(1, (settled?.at ?? facts.at(-1)?.at ?? start) - start);
  return (
    <section>
      <h3>Timeline</h3>
      <ol class="timeline">
        {facts
          .flatMap((fact) => lineOf(fact, facts))
          .map((line, index) => (
            <li key={`${line.at} ${index}`}>
              <span class="mono offset">+{Math.round(line.at - start)}</span>
              {line.kind === 'call' ? (
                <svg class="glyph" viewBox="0 0 20 18" width="18" height="16" aria-hidden="true">
                  <g class={`attempt ${line.outcome ?? ''} ${line.isUndoing === true ? 'undoing' : ''}`}>
                    <rect x="6" y="4" width="11" height="10" rx="3" class="body" />
                    {line.isUndoing === true ? <path class="undo" d="M7 4 1 9l6 5z" /> : null}
                    {line.outcome === 'failed' ? <path class="cross" d="m13.500 6 6 6m0-6-6 6" /> : null}
                  </g>
                </svg>
              ) : line.kind === 'none' ? (
                <span />
              ) : (
                <MarbleGlyph kind={line.kind} />
              )}
              <span class="what">
                {line.text}
                {line.from === undefined || line.to === undefined ? null : (
                  <svg
                    class={`span ${line.outcome ?? ''}`}
                    viewBox="0 0 100 4"
                    preserveAspectRatio="none"
                    aria-hidden="true"
                  >
                    <rect width="100" height="4" class="well" />
                    <rect
                      class="fill"
                      x={(100 * (line.from - start)) / length}
                      width={Math.max(1, (100 * (line.to - line.from)) / length)}
                      height="4"
                    />
                  </svg>
                )}
              </span>
              <span class="aside">{line.aside}</span>
            </li>
          ))}
      </ol>
      {story.isPartial ? (
        <p class="quiet">Not all of it was kept: of many messages a second some are followed from their delivery on.</p>
      ) : null}
      {settled?.reason === undefined ? null : (
        <p class="reason">
          <code>{settled.code}</code> at {settled.stage}: {settled.reason}
        </p>
      )}
    </section>
  );
}

function lineOf(fact: Fact, all: readonly Fact[]): Line[] {
  switch (fact.type) {
    case 'delivered': {
      const again = fact.redelivered ? ', redelivered' : '';
      const text = fact.attempt > 1 ? `delivered, try ${fact.attempt}${again}` : `delivered${again}`;
      return [{ at: fact.at, kind: 'delivery', text, aside: `${grouped(fact.bytes)} bytes` }];
    }
    case 'slotTaken':
      return fact.waitedMs > 0
        ? [{ at: fact.at, kind: 'none', text: 'slot taken', aside: `waited ${duration(fact.waitedMs)}` }]
        : [];
    case 'callStarted': {
      const end = all.find(
        (other) => other.type === 'callEnded' && other.callId === fact.callId && other.attempt === fact.attempt,
      );
      const ended = end?.type === 'callEnded' ? end : undefined;
      return [
        {
          at: fact.at,
          kind: 'call',
          outcome: ended?.outcome ?? 'running',
          isUndoing: fact.undoes !== undefined,
          text: (
            <>
              <b>{fact.api}</b> {fact.operation}
              {fact.undoes === undefined ? null : <span class="tag warn">undoes {fact.undoes}</span>}
              {fact.attempt > 1 ? <span class="tag">try {fact.attempt}</span> : null}
            </>
          ),
          aside:
            ended === undefined ? (
              'running'
            ) : (
              <>
                <span class={ended.outcome === 'ok' ? undefined : 'bad'}>
                  {ended.status ?? ended.code ?? ended.outcome}
                </span>{' '}
                {duration(ended.durationMs)}
              </>
            ),
          from: fact.at,
          to: ended?.at ?? all.at(-1)?.at ?? fact.at,
        },
      ];
    }
    case 'callRetried':
      return [
        {
          at: fact.at,
          kind: 'none',
          text: <span class="quiet">pause before the next try</span>,
          aside: duration(fact.nextDelayMs),
        },
      ];
    case 'rateLimitWaited':
      return [
        {
          at: fact.at,
          kind: 'none',
          text: <span class="quiet">rate limit of {fact.api}</span>,
          aside: `waited ${duration(fact.waitedMs)}`,
        },
      ];
    case 'cacheHit':
      return [
        { at: fact.at, kind: 'none', text: `${fact.api} ${fact.operation}`, aside: `from its cache, ${fact.use}` },
      ];
    case 'published':
      return [
        {
          at: fact.at,
          kind: 'published',
          text: (
            <>
              published <code>{fact.routingKey}</code>
              {fact.exchange === '' ? null : ` to ${fact.exchange}`}
            </>
          ),
          aside: `confirmed ${duration(fact.confirmedMs)}`,
        },
      ];
    case 'settlementDelayed':
      return [{ at: fact.at, kind: 'none', text: `settlement delayed: ${fact.reason}` }];
    case 'settled':
      return [
        {
          at: fact.at,
          kind: fact.settlement,
          text: <b>{KIND_NAMES[fact.settlement]}</b>,
          aside: fact.delayMs === undefined ? undefined : `in ${duration(fact.delayMs)}`,
        },
      ];
    default:
      return [];
  }
}

function MarbleTestPart({ story: { test } }: { readonly story: Story }) {
  const [said, setSaid] = useState('');
  const text = useRef<HTMLPreElement>(null);
  if (!test.isPossible)
    return (
      <section>
        <h3>Marble test</h3>
        <p class="quiet">{test.why}</p>
      </section>
    );
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(test.text);
      setSaid('Copied');
    } catch {
      // Without the clipboard's leave the text is there to be taken by hand.
      if (text.current !== null) getSelection()?.selectAllChildren(text.current);
      setSaid('Selected: press Ctrl+C');
    }
  };
  return (
    <section>
      <div class="row">
        <h3>Copy as marble test</h3>
        <span class="quiet" role="status">
          {said}
        </span>
        <button type="button" class="button" onClick={() => void copy()}>
          Copy
        </button>
      </div>
      {test.notes.length === 0 ? null : (
        <ul class="notes">
          {test.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      <CodeBlock label="Marble test" text={test.text} inner={text} />
    </section>
  );
}

function Identity({ story }: { readonly story: Story }) {
  const { messageId, correlationId, traceId, headers } = story;
  return (
    <section>
      <h3>Identity and headers</h3>
      <dl class="pairs mono">
        <Pair name="message id" value={messageId} />
        <Pair name="correlation id" value={correlationId} />
        <Pair name="trace id" value={traceId} />
        {headers.map(({ name, value }) => (
          <Pair key={name} name={name} value={value} />
        ))}
      </dl>
    </section>
  );
}

const Pair = ({ name, value }: { readonly name: string; readonly value: string }) => (
  <>
    <dt>{name}</dt>
    <dd>{value}</dd>
  </>
);

function Payload({ story: { body, results } }: { readonly story: Story }) {
  if (body === undefined) return null;
  return (
    <section>
      <h3>Payload</h3>
      {body.isMasked ? (
        <p class="quiet">
          Values are hidden. <code>SLUICE_DASHBOARD_PAYLOADS</code> names the fields that may be seen.
        </p>
      ) : null}
      <CodeBlock label="Payload" text={body.text} />
      {results.map(({ exchange, routingKey, body: result }, index) => (
        <div key={`${index} ${routingKey}`}>
          <p class="quiet">
            result to {exchange === '' ? 'queue' : exchange} <code>{routingKey}</code>
          </p>
          <CodeBlock label={`Result to ${routingKey}`} text={result.text} />
        </div>
      ))}
    </section>
  );
}
