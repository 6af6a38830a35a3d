/** The Dockerfile, as far as it can be read without Docker: what the images are made of, who they run as, and that nothing in them needs a shell. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { parse, parseAllDocuments } from 'yaml';

const root = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

interface Instruction {
  readonly word: string;
  readonly text: string;
}

interface Stage {
  readonly name: string;
  readonly from: string;
  readonly instructions: readonly Instruction[];
}

/** Lines that end in a backslash go on; comments and blank lines are none. */
function stagesOf(dockerfile: string): readonly Stage[] {
  const lines = dockerfile
    .replace(/\\\n/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const stages: { name: string; from: string; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const [, word = '', text = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    expect(word, line).not.to.equal('');
    const [, from, name] = /^(\S+) AS (\S+)$/.exec(text) ?? [];
    if (word === 'FROM') stages.push({ name: name ?? '', from: from ?? '', instructions: [] });
    else stages.at(-1)?.instructions.push({ word, text });
  }
  return stages;
}

/** A JSON array of texts: the form that no shell reads. */
const isExec = (text: string): boolean => {
  try {
    const words: unknown = JSON.parse(text);
    return Array.isArray(words) && words.length > 0 && words.every((word) => typeof word === 'string');
  } catch {
    return false;
  }
};

const NODE = '/nodejs/bin/node';

describe('the image', () => {
  const stages = stagesOf(read('Dockerfile'));
  const stage = (name: string): Stage => {
    const found = stages.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no stage ${name}`);
    return found;
  };
  /** Of a stage and those it is made from, the first first. */
  const lineage = (name: string): readonly Instruction[] => {
    const { from, instructions } = stage(name);
    return stages.some((one) => one.name === from) ? [...lineage(from), ...instructions] : instructions;
  };
  const last = (name: string, word: string): string =>
    lineage(name).findLast((instruction) => instruction.word === word)?.text ?? '';

  it('has the stages that are built, the worker as the default', () => {
    expect(stages.map(({ name }) => name)).to.deep.equal(['build', 'runtime', 'apis', 'worker']);
  });

  it('is distroless, of the same Node as the build, each by its version', () => {
    const [, built] = /^node:(\d+)-slim$/.exec(stage('build').from) ?? [];
    const [, run] = /^gcr\.io\/distroless\/nodejs(\d+)-debian\d+:nonroot$/.exec(stage('runtime').from) ?? [];
    expect(run).to.be.a('string').and.equal(built);
    expect(Number(run)).to.be.at.least(22);
  });

  it('runs as a user that is not root, by its number, which is that of the cluster too', () => {
    for (const name of ['apis', 'worker']) expect(last(name, 'USER')).to.equal('65532:65532');
    const [deployment] = parseAllDocuments(read('deploy/k8s/worker.yaml')).map((document) => document.toJS());
    expect(deployment.spec.template.spec.securityContext).to.deep.include({ runAsUser: 65_532, runAsGroup: 65_532 });
  });

  it('needs no shell: not to be built, to run, or to be asked how it is', () => {
    for (const { name, instructions } of stages)
      for (const { word, text } of instructions) {
        if (word === 'RUN' || word === 'CMD' || word === 'ENTRYPOINT')
          expect(isExec(text), `${name}: ${word} ${text}`).to.equal(true);
        if (word === 'HEALTHCHECK') expect(isExec(text.replace(/^.*? CMD /, '')), text).to.equal(true);
        if (name !== 'build') expect(word, `${name}: ${text}`).not.to.equal('RUN');
        expect(word).not.to.equal('SHELL');
      }
    for (const name of ['apis', 'worker']) {
      const command = JSON.parse(last(name, 'CMD')) as readonly string[];
      // The entry point is Node: the first word is a script of the image.
      expect(existsSync(join(root, command[0] ?? '')), String(command[0])).to.equal(true);
    }
  });

  it('asks whether the worker lives where it answers, with the Node it has', () => {
    const [, command = ''] = /^.*? CMD (.*)$/.exec(last('worker', 'HEALTHCHECK')) ?? [];
    const [node, flag, script = ''] = JSON.parse(command) as readonly string[];
    expect([node, flag]).to.deep.equal([NODE, '-e']);
    expect(() => new Function(script)).not.to.throw();
    expect(script).to.include('/livez').and.include('process.env.SLUICE_PORT || 8080');
  });

  it('writes to one folder, its own, which the cluster mounts', () => {
    const made = stage('build').instructions.map(({ text }) => text);
    expect(made).to.include.members([
      '["mkdir", "-p", "node_modules/.cache"]',
      '["chown", "65532:65532", "node_modules/.cache"]',
    ]);
    const [deployment] = parseAllDocuments(read('deploy/k8s/worker.yaml')).map((document) => document.toJS());
    const [container] = deployment.spec.template.spec.containers;
    expect(container.volumeMounts.map(({ mountPath }: { mountPath: string }) => mountPath)).to.include(
      '/app/node_modules/.cache',
    );
    expect(container.args).to.deep.equal(JSON.parse(last('worker', 'CMD')));
  });

  it('is built from what is sent to the build, every script of the build among it', () => {
    const ignore = read('.dockerignore').split('\n');
    const copied = stage('build')
      .instructions.filter(({ word, text }) => word === 'COPY' && !text.startsWith('--from'))
      .flatMap(({ text }) => text.split(' ').slice(0, -1));
    for (const file of copied) expect(ignore, file).to.include(`!${file}`);
    const { scripts } = JSON.parse(read('package.json')) as { scripts: { build: string } };
    for (const [script] of scripts.build.matchAll(/scripts\/\S+/g)) expect(copied).to.include(script);
    for (const [config] of scripts.build.matchAll(/tsconfig\S+/g)) expect(copied).to.include(config);
  });

  it('has every package a worker may want, at the version that is tested', () => {
    const { devDependencies: tested, peerDependencies } = JSON.parse(read('package.json')) as Record<
      'devDependencies' | 'peerDependencies',
      Record<string, string>
    >;
    // Those of tests.
    const { sinon: _, 'fast-check': __, ...wanted } = peerDependencies;
    const installs = stage('build')
      .instructions.map(({ text }) => text)
      .filter((text) => text.includes('"--no-save"'));
    expect(installs).to.have.length(1);
    const words = JSON.parse(installs[0] ?? '[]') as readonly string[];
    expect(words.filter((word) => /.@/.test(word))).to.have.members(
      Object.keys(wanted).map((name) => `${name}@${tested[name]}`),
    );
    // Without --save-prod npm keeps them among the packages of development, and leaves them out.
    expect(words).to.include.members(['--save-prod', '--omit=dev', '--ignore-scripts']);
  });

  it('of the sample APIs has every file that they import', () => {
    const copied = stage('apis')
      .instructions.filter(({ word, text }) => word === 'COPY' && !text.startsWith('--from'))
      .flatMap(({ text }) => text.split(' ').slice(0, -1));
    const open = [...(JSON.parse(last('apis', 'CMD')) as readonly string[])];
    const seen = new Set<string>();
    for (let file = open.pop(); file !== undefined; file = open.pop()) {
      if (seen.has(file)) continue;
      seen.add(file);
      expect(
        copied.some((folder) => file?.startsWith(`${folder}/`)),
        file,
      ).to.equal(true);
      for (const [, imported = ''] of read(file).matchAll(/ from '(\.[^']+)'/g))
        open.push(join(dirname(file), imported));
    }
    expect(seen.size).to.be.above(5);
  });

  it('is asked by compose with the Node it has', () => {
    const { services } = parse(read('docker-compose.yml')) as {
      services: Record<
        string,
        { readonly build?: unknown; readonly healthcheck: { readonly test: readonly string[] } }
      >;
    };
    const built = Object.values(services).filter(({ build }) => build !== undefined);
    expect(built).to.have.length(2);
    for (const { healthcheck } of built) expect(healthcheck.test.slice(0, 3)).to.deep.equal(['CMD', NODE, '-e']);
    // What its heading tells people to type.
    for (const [, program] of read('docker-compose.yml').matchAll(/exec apis (\S+)/g)) expect(program).to.equal(NODE);
  });
});
