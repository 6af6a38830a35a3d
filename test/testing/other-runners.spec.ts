import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const file = fileURLToPath(new URL('./other-runners/node-test.ts', import.meta.url));

interface Outcome {
  readonly code: unknown;
  readonly output: string;
}

/** Runs a file of tests as a program of its own. */
const runs = (path: string): Promise<Outcome> =>
  new Promise((resolve) => {
    const args = ['--import', 'tsx', '--conditions=sluice-source', '--test-reporter=tap', path];
    execFile(process.execPath, args, { timeout: 30_000 }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, output: stdout + stderr }),
    );
  });

describe('the marble kit under another test runner', () => {
  it('passes and fails under node:test, with the diagrams', async () => {
    const { code, output } = await runs(file);
    expect(output).to.contain('ok 1 - a pipeline in virtual time');
    expect(output).to.contain('ok 2 - streams in virtual time');
    expect(output).to.contain('ok 3 - a pipeline by a clock that the test moves');
    expect(output).to.contain('not ok 4 - one that fails').and.to.contain('the settlements differ from their diagram');
    expect(output).to.contain('# pass 3').and.to.contain('# fail 1');
    expect(code).to.equal(1);
  });
});
