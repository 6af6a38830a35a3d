import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { operatorPages } from '../../scripts/operator-pages.ts';

const folder = fileURLToPath(new URL('../../docs/operators/', import.meta.url));

describe('the pages of the operators', () => {
  for (const [name, text] of operatorPages()) {
    it(`${name} says what the docstrings say`, () => {
      expect(
        existsSync(`${folder}${name}`) ? readFileSync(`${folder}${name}`, 'utf8') : '',
        'node --import tsx scripts/operator-pages.ts writes it',
      ).to.equal(text);
    });
  }
});
