/** `npm run reference`: writes the pages that are made of the source. A spec fails when they are not up to date. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { argumentsOf } from '../bench/support/arguments.ts';
import { configurationPage } from './configuration-page.ts';
import { root } from './docstrings.ts';
import { errorPage } from './error-page.ts';
import { operatorPages } from './operator-pages.ts';

/** Every page by its path. */
export const referencePages = (): ReadonlyMap<string, string> =>
  new Map([...operatorPages(), ['docs/errors.md', errorPage()], ['docs/configuration.md', configurationPage()]]);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  argumentsOf('npm run reference: writes the pages that are made of the source', {}, {});
  for (const [path, text] of referencePages()) writeFileSync(`${root}${path}`, text);
}
