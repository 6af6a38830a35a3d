/** The documentation as `npm run site` makes it, as a reader searches it. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { describeWithChromium } from '../support/chromium.ts';
import { root } from '../support/pages.ts';

const TYPEDOC = join(root, 'node_modules/typedoc/bin/typedoc');

describeWithChromium('the site of the documentation', (browser) => {
  let folder: string;
  let page: Page;
  const problems: string[] = [];

  before(async function build() {
    this.timeout(300_000);
    folder = mkdtempSync(join(tmpdir(), 'sluice-site-'));
    execFileSync(process.execPath, [TYPEDOC, '--out', folder, '--logLevel', 'Error'], { cwd: root });
    page = await browser().newPage();
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.goto(pathToFileURL(join(folder, 'index.html')).href);
    await page.getByRole('button', { name: /search/i }).click();
  });
  after(async () => {
    await page?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const firstHit = async (typed: string): Promise<string | null> => {
    const field = page.locator('#tsd-search-input');
    await field.fill('');
    await page.locator('#tsd-search-results li').first().waitFor({ state: 'detached' });
    await field.fill(typed);
    return page.locator('#tsd-search-results li a').first().getAttribute('href');
  };

  for (const [typed, found] of [
    ['Getting started', 'Getting_started'],
    ['The front door', 'The_front_door'],
    ['Errors', 'Errors'],
    ['Messages', 'Messages'],
    ['Pattern – Saga', 'Pattern_–_Saga'],
    ['pattern: saga', 'Pattern_–_Saga'],
    ['Operator – gather', 'Operator_–_gather'],
    ['sluice: the design', 'sluice_–_the_design'],
  ] as const)
    it(`finds a page by its whole title first: ${typed}`, async () => {
      const href = decodeURIComponent(String(await firstHit(typed)));
      expect(href.slice(href.lastIndexOf('/') + 1)).to.equal(`${found}.html`);
      expect(problems).to.deep.equal([]);
    });

  it('leads every link to a page that is there, and to a place on it', () => {
    const pages = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.html'));
    const texts = new Map(pages.map((file) => [`/${file}`, readFileSync(join(folder, file), 'utf8')]));
    const places = new Map(
      [...texts].map(([path, text]) => [path, new Set([...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id))]),
    );
    const missing: string[] = [];
    for (const [path, text] of texts)
      for (const [, href = ''] of text.matchAll(/<a\b[^>]* href="([^"]+)"/g)) {
        const { host, pathname, hash } = new URL(href.replaceAll('&amp;', '&'), `http://site${encodeURI(path)}`);
        if (host !== 'site') continue;
        const file = decodeURIComponent(pathname);
        const found = file.endsWith('.html')
          ? places.get(file)
          : existsSync(join(folder, file))
            ? new Set()
            : undefined;
        if (found === undefined || (hash.length > 1 && !found.has(decodeURIComponent(hash.slice(1)))))
          missing.push(`${path}: ${href}`);
      }
    expect(texts.size).to.be.above(100);
    expect(missing).to.deep.equal([]);
  });

  it('has no page that moves sideways on a phone: wide tables move by themselves', async () => {
    // Their own scripts lay nothing out, and take most of the time.
    const phone = await browser().newPage({ viewport: { width: 390, height: 844 }, javaScriptEnabled: false });
    const wide: string[] = [];
    for (const file of ['index.html', ...readdirSync(join(folder, 'documents')).map((name) => `documents/${name}`)]) {
      await phone.goto(pathToFileURL(join(folder, file)).href);
      if (await phone.evaluate(() => document.documentElement.scrollWidth > innerWidth)) wide.push(file);
    }
    await phone.close();
    expect(wide).to.deep.equal([]);
  }).timeout(120_000);

  it('has an icon of its own, so that nobody looks for another', () => {
    const link = /<link rel="icon" href="([^"]+)"/.exec(readFileSync(join(folder, 'index.html'), 'utf8'))?.[1] ?? '';
    expect(readFileSync(join(folder, link), 'utf8')).to.equal(
      readFileSync(join(root, 'src/dashboard/page/icon.svg'), 'utf8'),
    );
  });
});
