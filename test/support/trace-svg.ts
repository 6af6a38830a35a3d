/** A trace as a picture: a row for each span, indented under what caused it, its time as a bar. */
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { labelOf, msOf, type SpanTree } from './order-trace.ts';

const ROW = 30;
const NAMES = 250;
const BARS = 520;
const TOP = 34;
const INDENT = 18;
/** Room at the right for what became of a span that ends last. */
const MARGIN = 230;

/** An SVG, readable on light and dark pages. */
export function renderTrace(title: string, tree: SpanTree): string {
  const rows = flat(tree, 0);
  const from = Math.min(...rows.map(({ span }) => msOf(span.startTime)));
  const until = Math.max(...rows.map(({ span }) => msOf(span.endTime)));
  const x = (ms: number): number => Math.round((NAMES + ((ms - from) / (until - from)) * BARS) * 10) / 10;
  const step = [10, 20, 50, 100, 200, 500, 1_000].find((one) => (until - from) / one <= 8) ?? 2_000;
  const ticks = Array.from({ length: Math.floor((until - from) / step) + 1 }, (_, index) => index * step);
  const width = NAMES + BARS + MARGIN;
  const height = TOP + rows.length * ROW + 8;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeXml(title)}">`,
    `<style>${STYLE}</style>`,
    ...ticks.map(
      (ms) =>
        `<path class="tick" d="M${x(from + ms)} ${TOP - 6}V${height - 4}"/><text class="small" text-anchor="middle" x="${x(from + ms)}" y="16">${ms} ms</text>`,
    ),
    ...rows.map(({ span, depth }, index) => {
      const y = TOP + index * ROW;
      const [start, end] = [x(msOf(span.startTime)), x(msOf(span.endTime))];
      const isBad = span.status.code === SpanStatusCode.ERROR;
      const kind = `${CLASS[span.kind]}${isBad ? ' bad' : ''}`;
      const branch = depth === 0 ? '' : `<path class="branch" d="M${depth * INDENT - 8} ${y - 2}v${ROW / 2 + 2}h8"/>`;
      return (
        `<g data-span="${escapeXml(span.name)}" data-depth="${depth}">${branch}` +
        `<text x="${depth * INDENT + 4}" y="${y + ROW / 2}">${escapeXml(span.name)}</text>` +
        `<rect class="${kind}" x="${start}" y="${y + 6}" width="${Math.max(2, Math.round((end - start) * 10) / 10)}" height="${ROW - 12}" rx="3"/>` +
        `<text class="small${isBad ? ' worse' : ''}" x="${Math.max(end, start + 2) + 6}" y="${y + ROW / 2}">${escapeXml(labelOf(span))}</text></g>`
      );
    }),
    '</svg>',
  ].join('\n')}\n`;
}

const flat = ({ span, caused }: SpanTree, depth: number): { span: SpanTree['span']; depth: number }[] => [
  { span, depth },
  ...caused.flatMap((one) => flat(one, depth + 1)),
];

const CLASS: Readonly<Record<SpanKind, string>> = {
  [SpanKind.INTERNAL]: 'internal',
  [SpanKind.SERVER]: 'server',
  [SpanKind.CLIENT]: 'client',
  [SpanKind.PRODUCER]: 'producer',
  [SpanKind.CONSUMER]: 'consumer',
};

const STYLE =
  'text{font:12.5px ui-monospace,monospace;fill:#2d3543;dominant-baseline:central}.small{font-size:11.5px;fill:#545d6b}.worse{fill:#a81f1f}' +
  'path{stroke:#8d96a5;fill:none}.tick{stroke:#dfe3e9}' +
  'rect{stroke-width:1.5;fill:#e3e8fa;stroke:#3350c4}.consumer{fill:#e9ecf1;stroke:#5d6675}.producer{fill:#dcf1e8;stroke:#12714f}.bad.client{fill:#fbe3e1;stroke:#b92525}' +
  '@media(prefers-color-scheme:dark){text{fill:#d5dbe5}.small{fill:#a7b0bf}.worse{fill:#ff9d94}path{stroke:#6b7484}.tick{stroke:#2b313c}' +
  'rect{fill:#1d2440;stroke:#9db0ff}.consumer{fill:#262b35;stroke:#a7b0bf}.producer{fill:#12332a;stroke:#63cfa4}.bad.client{fill:#401d1c;stroke:#ff857b}}';

const escapeXml = (text: string): string =>
  text.replace(/[<>&"]/g, (char) => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' })[char] ?? char);
