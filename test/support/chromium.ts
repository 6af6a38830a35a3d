/// <reference lib="dom" />
/** A private Chromium for browser tests: Debian's, headless, a new profile, nothing but loopback. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { type Availability, defineService, describeWith, type Service } from './services.ts';

const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const program = (): string | undefined => PROGRAMS.find((path) => existsSync(path));

function available(): Availability {
  if (program() !== undefined) return { available: true };
  return { available: false, reason: 'no Chromium is installed', install: 'run `apt-get install chromium`' };
}

export async function startChromium(): Promise<Browser> {
  const executablePath = program();
  if (executablePath === undefined) throw new Error('no Chromium is installed');
  const quiet = ['background-networking', 'component-update', 'sync', 'gpu', 'quic'].map((name) => `--disable-${name}`);
  return chromium.launch({ executablePath, args: ['--headless', '--no-sandbox', '--no-first-run', ...quiet] });
}

const service: Service<Browser> = defineService({
  name: 'Chromium',
  availability: available,
  start: startChromium,
  stop: (browser) => browser.close(),
});

/** A mocha suite that needs a browser. */
export const describeWithChromium = (title: string, body: (browser: () => Browser) => void): void =>
  describeWith(service, title, body);
