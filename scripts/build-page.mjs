/** Builds the dashboard's page into dist: one script, one style, nothing that is loaded from elsewhere. Says so when it grows too large. */
import { copyFile, mkdir, stat } from 'node:fs/promises';
import { build } from 'esbuild';

const from = 'src/dashboard/page';
const to = 'dist/dashboard/page';
const MAX_BYTES = 150 * 1024;

await mkdir(to, { recursive: true });
await build({
  entryPoints: { dashboard: `${from}/main.tsx`, style: `${from}/dashboard.css` },
  entryNames: '[name]',
  outdir: to,
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  define: { 'process.env.NODE_ENV': '"production"' },
  logLevel: 'warning',
});
for (const file of ['index.html', 'icon.svg']) await copyFile(`${from}/${file}`, `${to}/${file}`);

let bytes = 0;
for (const file of ['index.html', 'icon.svg', 'dashboard.js', 'style.css']) bytes += (await stat(`${to}/${file}`)).size;
if (bytes > MAX_BYTES) throw new Error(`the page has ${bytes} bytes, more than ${MAX_BYTES}`);
