/**
 * A plugin of TypeDoc for `npm run site`: pages are called what their first heading says, and not after their file; those of a folder say which.
 * Modules are called what they are imported by. A page comes before what is called the same in the reference; its name has no colon, which the
 * search would take for a field of its index (site-search.js: neither does what is typed). Anchors of headings have all of their words, code
 * too, as on GitHub: TypeDoc leaves code out, and links to such headings lead nowhere.
 */
import { Application, Converter, ReflectionKind } from 'typedoc';

const FOLDERS = { 'docs/guide/': 'Pattern – ', 'docs/operators/': 'Operator – ' };

/** Of what a page scores in a search. */
const PAGE_BOOST = 3;

/** @param {import('typedoc').Application} app */
export function load(app) {
  // Options are emptied after plugins are loaded.
  app.on(Application.EVENT_BOOTSTRAP_END, () =>
    app.options.setValue('markdownItLoader', (parser) => parser.core.ruler.push('code-in-anchors', codeInAnchors)),
  );
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_context, page) => {
    const [first] = page.content;
    const [, heading] = /^\s*# (.*)\n/.exec(first?.text ?? '') ?? [];
    if (heading === undefined) return;
    const isIndex = page.name.endsWith('/README');
    const prefix = isIndex ? '' : (Object.entries(FOLDERS).find(([folder]) => page.name.startsWith(folder))?.[1] ?? '');
    page.name = `${prefix}${heading.replaceAll('`', '').replaceAll(': ', ' – ')}`;
    page.relevanceBoost = PAGE_BOOST;
  });
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (_context, declared) => {
    if (declared.kind === ReflectionKind.Module)
      declared.name = declared.name === 'index' ? 'sluice' : `sluice/${declared.name}`;
  });
}

/** TypeDoc makes an anchor of the texts among a heading's tokens and of those below them; code is drawn from its own content. */
function codeInAnchors({ tokens, Token }) {
  for (const [index, { type }] of tokens.entries()) {
    if (type !== 'heading_open') continue;
    for (const token of tokens[index + 1]?.children ?? []) {
      if (token.type !== 'code_inline') continue;
      const text = new Token('text', '', 0);
      text.content = token.content;
      token.children = [text];
    }
  }
}
