/** A proxy may have the page below a path of its own: what is asked for at the root of the host is somebody else's there. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';

const PAGE = new URL('../../src/dashboard/page/', import.meta.url);
const CALL = /\b(?:ask|act|fetch)(?:<[^()]*>)?\(\s*['"`]([^'"`]*)/g;
const LINK = /\b(?:href|src)="([^"{]*)/g;

describe('the page of the dashboard', () => {
  it('asks for nothing by a path from the root', () => {
    const paths = readdirSync(PAGE)
      .filter((name) => /\.(tsx?|html)$/.test(name))
      .flatMap((name) => {
        const text = readFileSync(new URL(name, PAGE), 'utf8');
        return [CALL, LINK].flatMap((asked) => [...text.matchAll(asked)].map(([, path = '']) => path));
      });
    expect(paths).to.include.members(['dashboard.js', 'events', 'dead-letters/replay', 'sagas/story?${query}']);
    expect(paths.filter((path) => path.startsWith('/'))).to.deep.equal([]);
  });
});
