/** Lines that may wait for the end of a turn of the event loop: in their order, in one piece, and none lost at an exit. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { linesByTurns } from '../../src/cli/lines-by-turns.ts';

const turn = promisify(setImmediate);

describe('lines by turns', () => {
  const written = (): { readonly pieces: string[] } & ReturnType<typeof linesByTurns> => {
    const pieces: string[] = [];
    return { pieces, ...linesByTurns((text) => void pieces.push(text)) };
  };

  it('writes at once what may not wait', () => {
    const { pieces, write } = written();
    write('one\n');
    write('two\n');
    expect(pieces).to.deep.equal(['one\n', 'two\n']);
  });

  it('writes in one piece what may wait, at the end of the turn', async () => {
    const { pieces, writeSoon } = written();
    writeSoon('one\n');
    writeSoon('two\n');
    expect(pieces).to.deep.equal([]);
    await turn();
    expect(pieces).to.deep.equal(['one\ntwo\n']);
    writeSoon('three\n');
    await turn();
    expect(pieces, 'the next turn').to.deep.equal(['one\ntwo\n', 'three\n']);
  });

  it('lets nothing overtake what waits', async () => {
    const { pieces, write, writeSoon } = written();
    writeSoon('one\n');
    write('two\n');
    writeSoon('three\n');
    await turn();
    expect(pieces).to.deep.equal(['one\ntwo\n', 'three\n']);
  });

  for (const end of ['exit', 'throw', 'late'])
    it(`loses nothing of a process that ends within the turn: ${end}`, () => {
      const program = fileURLToPath(new URL('../fixtures/lines-that-wait.ts', import.meta.url));
      const { stdout } = spawnSync(process.execPath, [...process.execArgv, program, end], { encoding: 'utf8' });
      expect(stdout).to.equal('the last line\n');
    });
});
