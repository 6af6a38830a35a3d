/** Links of the documentation inside the project: each leads to a file that is there, and behind a `#` to a heading of it. */
import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect } from 'chai';
import { type Page, readPages, root } from '../support/pages.ts';

const pages = readPages();
const byPath = new Map(pages.map((page) => [page.path, page]));

/** What is wrong with a link, if anything. Links out of the project are not followed: tests stay on this machine. */
function faultOf(page: Page, target: string): string | undefined {
  if (/^(https?|mailto):/.test(target)) return undefined;
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page.path : normalize(join(dirname(page.path), path));
  if (file.startsWith('..') || !existsSync(join(root, file))) return `there is no ${file}`;
  if (anchor === undefined) return undefined;
  const there = byPath.get(file);
  if (there === undefined) return `${file} is no page, so nothing in it can be linked to`;
  return there.anchors.has(anchor) ? undefined : `${file} has no heading for #${anchor}`;
}

describe('links of the documentation', () => {
  it('lead to what is there', () => {
    const faults = pages.flatMap((page) =>
      page.links.flatMap(({ target, line }) => {
        const fault = faultOf(page, target);
        return fault === undefined ? [] : [`${page.path}:${line}: ${fault}`];
      }),
    );
    expect(faults).to.deep.equal([]);
    expect(pages.flatMap(({ links }) => links).length).to.be.above(100);
  });

  it('lead from the README or the index of docs to every page', () => {
    const reached = new Set(['README.md']);
    for (const path of reached) {
      for (const { target } of byPath.get(path)?.links ?? []) {
        const file = normalize(join(dirname(path), target.split('#')[0] ?? ''));
        if (byPath.has(file)) reached.add(file);
      }
    }
    expect([...byPath.keys()].filter((path) => !reached.has(path))).to.deep.equal([]);
  });

  it('lead to the patterns by all their names, in the order of their index', () => {
    const patterns = [...(byPath.get('docs/guide/README.md')?.text ?? '').matchAll(/^\| \[([^\]]+)\]/gm)].map(
      ([, name = '']) => name.toLowerCase(),
    );
    const told = ['README.md', 'docs/README.md'].map(
      (path) => /^\| \[Patterns\].*\| (?:a page each: )?(.*) \|$/m.exec(byPath.get(path)?.text ?? '')?.[1],
    );
    expect(patterns.length).to.be.above(10);
    expect(told).to.deep.equal([patterns.join(', '), patterns.join(', ')]);
  });
});
