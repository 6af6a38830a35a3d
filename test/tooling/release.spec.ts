/** What stands against a release, and that the workflows run what there is. */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parse } from 'yaml';
import { notesOf, releaseFaults } from '../../scripts/release/release-faults.ts';
import { repositoryOf } from '../../scripts/release/repository.ts';
import { type Sbom, sbomFaults } from '../../scripts/release/sbom-faults.ts';

const text = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const CHANGELOG =
  '# Change log\n\n## 1.2.0 (2026-11-28)\n\n- one\n- two\n\n## 1.1.0 (2026-10-01)\n\n- older\n\n## 1.0.0\n';
const repository = 'github:example/sluice';
const sound = { version: '1.2.0', tag: 'v1.2.0', changelog: CHANGELOG, status: '', repository };

describe('a release', () => {
  it('is made where tag, version, change log and tree agree', () => {
    expect(releaseFaults(sound)).to.deep.equal([]);
    expect(releaseFaults({ ...sound, tag: undefined })).to.deep.equal([]);
    expect(notesOf(CHANGELOG, '1.2.0')).to.equal('- one\n- two');
    expect(notesOf(CHANGELOG, '1.1.0')).to.equal('- older');
  });

  it('S15: is not made of another tag, a tree that is changed, no version, or without notes', () => {
    expect(releaseFaults({ ...sound, tag: 'v1.2.1' })).to.deep.equal([
      'tag: v1.2.1 is not v1.2.0, the version of package.json',
    ]);
    expect(releaseFaults({ ...sound, status: ' M src/index.ts\n?? x\n' })).to.deep.equal([
      'git: 2 files are not committed, among them src/index.ts',
    ]);
    expect(releaseFaults({ ...sound, tag: undefined, version: '1.2' }).join()).to.include('"1.2" is no version');
    for (const version of ['1.0.0', '9.9.9', '1.2'])
      expect(releaseFaults({ ...sound, tag: undefined, version }).join(), version).to.include(
        `no heading "## ${version}"`,
      );
    expect(releaseFaults({ ...sound, changelog: CHANGELOG.replace('2026-11-28', 'unreleased') })[0]).to.include(
      'calls 1.2.0 unreleased',
    );
  });

  it('S15: is made of a package that names the repository its provenance statement will', () => {
    expect(releaseFaults({ ...sound, repository: undefined }).join()).to.include('GITHUB_REPOSITORY is not set');
    const workflow = { GITHUB_SERVER_URL: 'https://git.example', GITHUB_REPOSITORY: 'a/b' };
    expect(repositoryOf({}, workflow)).to.deep.equal({ type: 'git', url: 'git+https://git.example/a/b.git' });
    expect(repositoryOf({ repository }, workflow)).to.equal(repository);
    for (const env of [{}, { GITHUB_REPOSITORY: '' }]) expect(repositoryOf({}, env)).to.equal(undefined);
  });

  it('S15: has a list of parts that names what comes with it, each with its hash', () => {
    const part = (name: string, purl: string) => ({ name, purl, hashes: [{ alg: 'SHA-512', content: 'ab' }] });
    const sbom: Sbom = {
      bomFormat: 'CycloneDX',
      metadata: { component: { version: '1.2.0' } },
      components: [part('a', 'pkg:npm/a@1.0.0'), part('b', 'pkg:npm/%40x/b@2.0.0')],
    };
    expect(sbomFaults(sbom, '1.2.0', { a: '1.0.0', '@x/b': '2.0.0' })).to.deep.equal([]);
    expect(sbomFaults(sbom, '1.3.0', { a: '1.0.1' })).to.deep.equal([
      'SBOM: is of version 1.2.0, expected 1.3.0',
      'SBOM: does not name a 1.0.1',
    ]);
    expect(sbomFaults({ ...sbom, components: [{ name: 'a', purl: 'pkg:npm/a@1.0.0' }] }, '1.2.0', {})).to.deep.equal([
      'SBOM: pkg:npm/a@1.0.0 has no SHA-512',
    ]);
    expect(sbomFaults({}, '1.2.0', {})[0]).to.include('expected CycloneDX');
  });
});

interface Step {
  readonly uses?: string;
  readonly run?: string;
}
interface Workflow {
  readonly on?: { readonly push?: { readonly tags?: readonly string[] } };
  readonly permissions?: Readonly<Record<string, string>>;
  readonly jobs: Readonly<
    Record<
      string,
      {
        readonly permissions?: Readonly<Record<string, string>>;
        readonly 'timeout-minutes'?: number;
        readonly environment?: string;
        readonly container?: string;
        readonly env?: Readonly<Record<string, string>>;
        readonly strategy?: {
          readonly matrix: { readonly node?: readonly string[]; readonly rabbitmq?: readonly string[] };
        };
        readonly steps: readonly Step[];
      }
    >
  >;
}

describe('the workflows of GitHub', () => {
  const read = (name: string): Workflow =>
    parse(text(`.github/workflows/${name}`), { strict: true, uniqueKeys: true }) as Workflow;
  const [ci, release] = [read('ci.yml'), read('release.yml')];
  const jobs = [...Object.values(ci.jobs), ...Object.values(release.jobs)];

  it('run .ci/run on every Node that is supported', () => {
    expect(ci.jobs.ci?.strategy?.matrix.node).to.deep.equal(['20', '22', '24', '26']);
    for (const job of [ci.jobs.ci, release.jobs.check]) expect(job?.steps.at(-1)?.run).to.equal('bash .ci/run');
  });

  it('run what needs a broker on the RabbitMQ of the official image too, and say which that is', () => {
    const { container, env, strategy, steps } = ci.jobs.rabbitmq ?? { steps: [] };
    expect(container).to.match(/^rabbitmq:\$\{\{ matrix\.rabbitmq \}\}$/);
    expect(env?.SLUICE_TEST_RABBITMQ).to.equal('/opt/rabbitmq/sbin');
    expect(strategy?.matrix.rabbitmq).to.include.members(['4.0', '4.3']);
    const commands = steps.flatMap(({ run = [] }) => run);
    expect(commands).to.include('rabbitmqctl version');
    expect(commands.at(-1)).to.equal('npm run test:rabbitmq');
  });

  it('S15: may read, and publish from the one job that does: with provenance, a list of parts and notes', () => {
    for (const { permissions } of [ci, release]) expect(permissions).to.deep.equal({ contents: 'read' });
    expect(Object.values({ ...ci.jobs, check: release.jobs.check }).map((job) => job?.permissions)).to.deep.equal([
      undefined,
      undefined,
      undefined,
    ]);
    const publish = release.jobs.publish;
    expect(publish?.permissions).to.deep.equal({ contents: 'write', 'id-token': 'write' });
    const commands = publish?.steps.flatMap(({ run = [] }) => run) ?? [];
    expect(commands.join('\n'))
      .to.include('npm ci --ignore-scripts')
      .and.to.match(/npm publish \S+\.tgz --provenance .*--ignore-scripts/);
    expect(commands.join('\n'))
      .to.include('npm run release -- --tag "$GITHUB_REF_NAME"')
      .and.to.include('--notes-file release/notes.md');
    // What comes from outside goes into no shell but as a variable.
    for (const { steps } of jobs) for (const { run = '' } of steps) expect(run).to.not.match(/\$\{\{/);
  });

  it('are what CONTRIBUTING.md has npm and GitHub trust: this workflow, its environment and tags', () => {
    const page = text('CONTRIBUTING.md');
    const { environment, steps = [] } = release.jobs.publish ?? {};
    expect(environment).to.equal('npm');
    expect(release.on?.push?.tags).to.deep.equal(['v*.*.*']);
    for (const said of ['the workflow `release.yml` and the environment `npm`', 'for tags `v*.*.*` alone'])
      expect(page).to.include(said);
    // By hand it is published as the workflow does it.
    const publish = steps.flatMap(({ run = [] }) => run).find((run) => run.startsWith('npm publish'));
    expect(publish).to.include('--access public --ignore-scripts');
    expect(page).to.include('`--access public --ignore-scripts`');
  });

  it('let root ask git about the checkout of another user, where they work in a container', () => {
    const inContainer = jobs.filter(({ container }) => container !== undefined);
    expect(inContainer).to.not.be.empty;
    for (const { steps } of inContainer) {
      const after = steps.slice(steps.findIndex(({ uses }) => uses?.startsWith('actions/checkout@')) + 1);
      expect(after[0]?.run).to.equal('git config --global --add safe.directory "$GITHUB_WORKSPACE"');
    }
  });

  it('use actions by version, bounded in time', () => {
    for (const job of jobs) {
      expect(job['timeout-minutes']).to.be.a('number');
      for (const { uses } of job.steps)
        if (uses !== undefined) expect(uses).to.match(/^actions\/[\w-]+@(v\d+|[0-9a-f]{40})$/);
    }
  });

  it('run scripts that there are', () => {
    const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> };
    const named = jobs.flatMap(({ steps }) =>
      steps.flatMap(({ run = '' }) => [...run.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name)),
    );
    expect(named).to.deep.equal(['test:rabbitmq', 'release']);
    for (const name of named) expect(scripts).to.have.property(name);
  });
});
