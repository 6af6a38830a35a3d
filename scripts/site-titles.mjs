/**
 * A plugin of TypeDoc for `npm run site`: pages are called what their first heading says, and not after their file; those of a folder say which.
 * The heading itself goes, because TypeDoc writes the name above the page.
 */
import { Converter } from 'typedoc';

const FOLDERS = { 'docs/guide/': 'Pattern: ', 'docs/operators/': 'Operator: ' };

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_context, page) => {
    const [first] = page.content;
    const heading = /^\s*# (.*)\n/.exec(first?.text ?? '');
    if (first === undefined || heading === null) return;
    const prefix = Object.entries(FOLDERS).find(([folder]) => page.name.startsWith(folder))?.[1] ?? '';
    const title = heading[1].replaceAll('`', '');
    page.name = page.name.endsWith('/README') ? title : `${prefix}${title}`;
    first.text = first.text.replace(heading[0], '');
  });
}
