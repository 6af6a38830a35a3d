/** Marble diagrams as pictures: one line for each stream of a spec, its marbles where the spec's diagram has them. */

export interface DiagramRow {
  readonly label: string;
  /** As the spec has it: RxJS's marble syntax, or `^` and `!` for a subscription. */
  readonly diagram: string;
  readonly kind: 'source' | 'result' | 'subscription';
}

type MarkKind = 'value' | 'complete' | 'error' | 'subscribe' | 'unsubscribe';

interface Mark {
  readonly frame: number;
  readonly kind: MarkKind;
  readonly text: string;
}

const FRAME = 26;
const LABEL = 118;
const ROW = 46;
const RADIUS = 12;

/** An SVG of the rows, readable on light and dark pages. The same rows always give the same text. */
export function renderSvg(title: string, rows: readonly DiagramRow[]): string {
  const parsed = rows.map((row) => ({ ...row, ...parseRow(row.diagram) }));
  const frames = Math.max(6, ...parsed.map(({ lastFrame }) => lastFrame + 2));
  const width = LABEL + frames * FRAME + 24;
  const height = rows.length * ROW + 12;
  const lines = parsed.flatMap((row, index) => drawRow(row, index * ROW + ROW / 2 + 6, frames));
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeXml(title)}">`,
    `<style>${STYLE}</style>`,
    ...lines,
    '</svg>',
  ].join('\n')}\n`;
}

const STYLE =
  'text{font:12px ui-monospace,monospace;fill:#424a59;dominant-baseline:central}.mark{text-anchor:middle;font-weight:600}' +
  'line,circle,path{stroke:#5d6675;stroke-width:1.5;fill:none}circle{fill:#dcf1e8;stroke:#12714f}.result circle{fill:#e3e8fa;stroke:#3350c4}' +
  '.error{stroke:#b92525;stroke-width:2.5}.subscription line{stroke:#8a5200;stroke-width:3}' +
  '@media(prefers-color-scheme:dark){text{fill:#b3bbc8}circle{fill:#12332a;stroke:#63cfa4}.result circle{fill:#1d2440;stroke:#9db0ff}.error{stroke:#ff857b}.subscription line{stroke:#f2bd56}}';

const escapeXml = (text: string): string =>
  text.replace(/[<>&"]/g, (char) => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' })[char] ?? char);

/** Marks of a diagram by frame; `10ms`-like progressions are drawn as a gap of three frames, or the picture would be all line. */
function parseRow(diagram: string): { readonly marks: readonly Mark[]; readonly lastFrame: number } {
  const marks: Mark[] = [];
  let frame = 0;
  let group: number | undefined;
  const text = diagram.replace(/^ +| +$/g, '');
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    const progression = /^\d+(?:\.\d+)?(?:ms|s|m)(?: |$)/.exec(text.slice(at));
    if (progression !== null && (at === 0 || text[at - 1] === ' ')) {
      marks.push({ frame: frame + 1, kind: 'value', text: `…${progression[0].trim()}` });
      frame += 3;
      at += progression[0].length - 1;
      continue;
    }
    if (char === ' ') continue;
    if (char === '(') {
      group = frame;
      continue;
    }
    if (char === ')') {
      group = undefined;
      frame++;
      continue;
    }
    const kind = KIND_OF[char] ?? 'value';
    if (char !== '-') marks.push({ frame: group ?? frame, kind, text: char });
    if (group === undefined) frame++;
  }
  return { marks, lastFrame: Math.max(0, ...marks.map((mark) => mark.frame)) };
}

const KIND_OF: Readonly<Record<string, MarkKind>> = {
  '|': 'complete',
  '#': 'error',
  '^': 'subscribe',
  '!': 'unsubscribe',
};

const x = (frame: number): number => LABEL + frame * FRAME + RADIUS;

function drawRow(row: DiagramRow & ReturnType<typeof parseRow>, y: number, frames: number): string[] {
  const from = row.kind === 'subscription' ? (row.marks.find(({ kind }) => kind === 'subscribe')?.frame ?? 0) : 0;
  const end = row.marks.find(({ kind }) => kind === 'complete' || kind === 'error' || kind === 'unsubscribe')?.frame;
  const label = `<text x="4" y="${y}">${escapeXml(row.label)}</text>`;
  const line = `<line x1="${x(from)}" y1="${y}" x2="${x(end ?? frames)}" y2="${y}"/>`;
  return [`<g class="${row.kind}">`, label, line, ...row.marks.map((mark) => drawMark(mark, row.marks, y)), '</g>'];
}

function drawMark({ frame, kind, text }: Mark, all: readonly Mark[], y: number): string {
  const at = x(frame);
  // Marks of one frame stand side by side.
  const shift =
    all.filter((mark) => mark.frame === frame && mark.kind === 'value').length > 0 && kind !== 'value' ? 16 : 0;
  switch (kind) {
    case 'value':
      if (text.startsWith('…'))
        return `<text class="mark" x="${at + RADIUS}" y="${y - 12}">${escapeXml(text.slice(1))}</text>`;
      return `<circle cx="${at}" cy="${y}" r="${RADIUS}"/><text class="mark" x="${at}" y="${y}">${escapeXml(text)}</text>`;
    case 'complete':
      return `<path d="M${at + shift} ${y - 11}V${y + 11}"/>`;
    case 'error':
      return `<path class="error" d="M${at + shift - 7} ${y - 7}l14 14m0 -14l-14 14"/>`;
    case 'subscribe':
      return `<path d="M${at - 5} ${y + 8}l5 -8l5 8"/>`;
    case 'unsubscribe':
      return `<path d="M${at} ${y - 9}V${y + 9}"/>`;
  }
}
