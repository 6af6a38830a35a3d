/** Signs: how something is, and what became of a message. Each has a shape and a text of its own; colour is never alone. */
import type { Level } from '../wire.ts';

const LEVELS: Record<Level, { readonly label: string; readonly shape: preact.ComponentChildren }> = {
  healthy: {
    label: 'healthy',
    shape: (
      <>
        <circle cx="8" cy="8" r="6.2" class="outline" />
        <path d="m5.2 8.200 2 2 3.600-4.200" class="stroke" />
      </>
    ),
  },
  noteworthy: {
    label: 'worth knowing',
    shape: (
      <>
        <circle cx="8" cy="8" r="6.2" class="outline" />
        <path d="M8 7.300v3.700M8 4.800v.200" class="stroke" />
      </>
    ),
  },
  degraded: {
    label: 'degraded',
    shape: (
      <>
        <path d="M8 1.500 15 14H1z" class="solid" />
        <path d="M8 6v4M8 12v.200" class="on-solid" />
      </>
    ),
  },
  broken: {
    label: 'broken',
    shape: (
      <>
        <path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z" class="solid" />
        <path d="m5.500 5.500 5 5m0-5-5 5" class="on-solid" />
      </>
    ),
  },
  idle: { label: 'idle', shape: <circle cx="8" cy="8" r="6.2" class="outline dashed" /> },
};

export function LevelGlyph({ level }: { readonly level: Level }) {
  const { label, shape } = LEVELS[level];
  return (
    <svg class={`level ${level}`} viewBox="0 0 16 16" width="16" height="16" role="img" aria-label={label}>
      {shape}
    </svg>
  );
}

export type MarbleKind = 'delivery' | 'ack' | 'retry' | 'deadLetter' | 'returned' | 'published';

const LETTERS: Partial<Record<MarbleKind, string>> = { ack: 'A', retry: 'R', deadLetter: 'D', returned: 'B' };

export const KIND_NAMES: Record<MarbleKind, string> = {
  delivery: 'delivered',
  ack: 'acked',
  retry: 'to be tried again later',
  deadLetter: 'dead-lettered',
  returned: 'returned to the broker',
  published: 'published',
};

/** A marble around 0,0. `text` stands in it, in place of its letter. */
export function Marble({
  kind,
  text,
  isAgain,
}: {
  readonly kind: MarbleKind;
  readonly text?: string | undefined;
  readonly isAgain?: boolean;
}) {
  const letter = text ?? LETTERS[kind];
  return (
    <g class={`marble ${kind}`}>
      {shapeOf(kind)}
      {isAgain === true ? <circle r="8.700" class="again" /> : null}
      {letter === undefined ? null : (
        <text y="3" x={kind === 'returned' ? 1.5 : 0}>
          {letter}
        </text>
      )}
    </g>
  );
}

function shapeOf(kind: MarbleKind) {
  switch (kind) {
    case 'retry':
      return <path d="M0-7.800 7.800 0 0 7.800-7.800 0z" />;
    case 'deadLetter':
      return <rect x="-6.500" y="-6.500" width="13" height="13" rx="2" />;
    case 'returned':
      return <path d="M-8 0 5.500-7.500v15z" />;
    case 'published':
      return <path d="M-6-5.500h7L7 0 1 5.500h-7z" />;
    default:
      return <circle r="6.400" />;
  }
}

export function MarbleGlyph({ kind }: { readonly kind: MarbleKind }) {
  return (
    <svg class="glyph" viewBox="-10 -10 20 20" width="18" height="18" aria-hidden="true">
      <Marble kind={kind} />
    </svg>
  );
}

export function Logo() {
  return (
    <svg viewBox="0 0 28 20" width="28" height="20" aria-hidden="true" class="logo">
      <path d="M1 6h11M17 14h10" class="line" />
      <circle cx="10" cy="6" r="3.600" class="dot" />
      <path d="m12.500 8.500 4 3.500" class="arm" />
      <circle cx="19" cy="14" r="3.200" class="ring" />
    </svg>
  );
}
