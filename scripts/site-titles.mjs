/**
 * A plugin of TypeDoc for `npm run site`: pages are called what their first heading says, and not after their file; those of a folder say which.
 * Modules are called what they are imported by.
 */
import { Converter, ReflectionKind } from 'typedoc';

const FOLDERS = { 'docs/guide/': 'Pattern: ', 'docs/operators/': 'Operator: ' };

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_context, page) => {
    const [first] = page.content;
    const [, heading] = /^\s*# (.*)\n/.exec(first?.text ?? '') ?? [];
    if (heading === undefined) return;
    const isIndex = page.name.endsWith('/README');
    const prefix = isIndex ? '' : (Object.entries(FOLDERS).find(([folder]) => page.name.startsWith(folder))?.[1] ?? '');
    page.name = `${prefix}${heading.replaceAll('`', '')}`;
  });
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (_context, declared) => {
    if (declared.kind === ReflectionKind.Module)
      declared.name = declared.name === 'index' ? 'sluice' : `sluice/${declared.name}`;
  });
}
