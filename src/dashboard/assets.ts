/** The page's files, as the build made them: read once, when they are first asked for. */
import { readFile } from 'node:fs/promises';
import type { Route, WholeAnswer } from '../management/route.ts';
import { packageFile } from '../package.ts';

/** Scripts and styles as files of the worker, and nothing from anywhere else. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const FILES = [
  { path: '/', file: 'index.html', contentType: 'text/html; charset=utf-8' },
  { path: '/dashboard.js', file: 'dashboard.js', contentType: 'text/javascript; charset=utf-8' },
  { path: '/style.css', file: 'style.css', contentType: 'text/css; charset=utf-8' },
  { path: '/icon.svg', file: 'icon.svg', contentType: 'image/svg+xml' },
  // Where browsers look for it beside answers that are no page.
  { path: '/favicon.ico', file: 'icon.svg', contentType: 'image/svg+xml' },
];

/** Open: they hold no data. */
export const assetRoutes = (): readonly Route[] =>
  FILES.map(({ path, file, contentType }) => {
    let content: Promise<Buffer> | undefined;
    return {
      method: 'GET',
      path,
      isOpen: true,
      answer: async (): Promise<WholeAnswer> => {
        content ??= readFile(packageFile(`dist/dashboard/page/${file}`));
        return { status: 200, contentType, body: await content, headers: { 'content-security-policy': POLICY } };
      },
    };
  });
