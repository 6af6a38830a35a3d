/** The folders of ready pipelines as `sluice check` and a worker load them: bundled, their APIs and queues compared with each other. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadPipelines } from '../../src/worker/load-pipelines.ts';

const pipelines = join(import.meta.dirname, '../../pipelines');
const folders = readdirSync(pipelines, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

describe('the folders of ready pipelines', () => {
  for (const name of ['.', ...folders]) {
    it(`${name} can be loaded`, async () => {
      const { pipelines: loaded, problems, dispose } = await loadPipelines(join(pipelines, name));
      await dispose();
      expect(problems).to.deep.equal([]);
      expect(loaded).to.not.be.empty;
    });
  }
});
