/** The whole job as a picture: CPU a message, as a multiple of the loop by hand, one bar for each contender and job. */
import { type JobFigures, ratioToLimit } from './whole-job.ts';

const WIDTH = 760;
const LABELS = 260;
const ROW = 26;
const GAP = 34;

const COLOURS = { post: '#2a6fbb', gather: '#c25a1a' } as const;
const NAMES = { post: 'one POST', gather: 'three POSTs and a confirm' } as const;

const xml = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');

export function plotOf(figures: readonly JobFigures[]): string {
  const bars = figures.map((job) => ({
    kind: job.kind,
    rows: job.contenders.map((each) => ({
      contender: each.contender,
      ratio: ratioToLimit(job, each, 'quietCpuMicros').median,
    })),
  }));
  const most = Math.max(1, ...bars.flatMap(({ rows }) => rows.map(({ ratio }) => ratio)));
  const scale = (WIDTH - LABELS - 70) / most;
  let y = 40;
  const parts: string[] = [];
  for (const { kind, rows } of bars) {
    parts.push(`<text x="${LABELS - 10}" y="${y + 14}" text-anchor="end" font-weight="600">${NAMES[kind]}</text>`);
    y += GAP;
    for (const { contender, ratio } of rows) {
      parts.push(
        `<text x="${LABELS - 10}" y="${y + 15}" text-anchor="end">${xml(contender)}</text>`,
        `<rect x="${LABELS}" y="${y + 2}" width="${(ratio * scale).toFixed(1)}" height="${ROW - 8}" rx="3" fill="${COLOURS[kind]}"/>`,
        // Beside the line at 1, never on it.
        `<text x="${(LABELS + Math.max(ratio, 1) * scale + 8).toFixed(1)}" y="${y + 15}">${ratio.toFixed(2)}</text>`,
      );
      y += ROW;
    }
    y += 14;
  }
  const height = y + 10;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="13" role="img" aria-label="CPU time for each message as a multiple of a loop by hand">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    '<g fill="#1c2733">',
    `<text x="16" y="26" font-size="15" font-weight="600">CPU time for each message, by hand = 1</text>`,
    ...parts,
    `<line x1="${(LABELS + scale).toFixed(1)}" y1="40" x2="${(LABELS + scale).toFixed(1)}" y2="${height - 12}" stroke="#8a97a5" stroke-dasharray="3 3"/>`,
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}
