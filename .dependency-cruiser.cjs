/**
 * The layer rule of docs/design.md, section 4, as a check: `npm run layers`.
 * Types count as imports. What a folder of src may import stands in one table; each row becomes one rule.
 */

/** Folder of src → the folders it may import, besides itself and the ground. Side by side means strangers. */
const mayImport = {
  policies: [],
  management: ['policies'],
  message: [],
  operators: ['policies', 'message'],
  http: ['policies', 'message', 'operators'],
  broker: ['policies', 'message', 'operators'],
  journal: ['policies', 'message', 'operators'],
  redis: ['policies', 'message', 'operators'],
  sources: ['policies', 'message', 'operators', 'broker', 'journal'],
  ingress: ['policies', 'message', 'operators', 'http', 'broker'],
  recording: ['policies', 'message', 'operators', 'http', 'broker'],
  pipeline: ['policies', 'message', 'operators', 'http', 'broker', 'journal', 'sources', 'ingress'],
  saga: ['policies', 'message', 'operators', 'http', 'broker', 'journal'],
  dashboard: ['management', 'policies', 'message', 'operators', 'http', 'broker', 'journal'],
  observability: ['management', 'policies', 'message', 'operators', 'http', 'broker', 'journal'],
  worker: [
    'management',
    'policies',
    'message',
    'operators',
    'http',
    'broker',
    'journal',
    'redis',
    'sources',
    'ingress',
    'pipeline',
    'saga',
    'dashboard',
    'observability',
    'recording',
  ],
  testing: [
    'policies',
    'message',
    'operators',
    'http',
    'broker',
    'journal',
    'redis',
    'sources',
    'ingress',
    'pipeline',
    'saga',
    'observability',
    'recording',
    'worker',
  ],
  cli: [
    'management',
    'policies',
    'message',
    'operators',
    'http',
    'broker',
    'journal',
    'redis',
    'sources',
    'ingress',
    'pipeline',
    'saga',
    'dashboard',
    'observability',
    'recording',
    'worker',
  ],
};

/** Files that every folder may import. They import each other and nothing above. */
const ground = '^src/((errors|events|setting|rotating|log|tracing|definition|package)\\.ts$|errors/|events/)';

const folders = Object.keys(mayImport);
const anyOf = (names) => `^src/(${names.join('|')})/`;

const layers = folders.map((folder) => ({
  name: `layer-${folder}`,
  comment: `src/${folder} may import ${[...mayImport[folder], 'the ground'].join(', ')}, and nothing else of src (docs/design.md, section 4).`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: {
    path: '^src/',
    pathNot: [
      ground,
      anyOf([folder, ...mayImport[folder]]),
      // `sluice replay` performs recordings as marble tests do.
      ...(folder === 'cli' ? ['^src/(config|index)\\.ts$', '^src/testing/replay/'] : []),
    ],
  },
}));

/** A package that one part of the project alone may import. */
const onlyIn = (name, packages, places) => ({
  name,
  comment: `${packages} is imported in ${places} alone: everything else speaks to the port.`,
  severity: 'error',
  from: { path: '^(src|pipelines)/', pathNot: places },
  to: { path: `(^|/)node_modules/(${packages})/|^(${packages})$` },
});

module.exports = {
  forbidden: [
    ...layers,
    {
      name: 'ground',
      comment:
        'errors, events, setting, rotating, log, tracing, package and definition are the ground: they import each other, definition also policies.',
      severity: 'error',
      from: { path: ground, pathNot: '^src/definition\\.ts$' },
      to: { path: '^src/', pathNot: ground },
    },
    {
      name: 'errors-in-one-place',
      comment: 'Errors are imported from errors.ts, which lists them all; the files behind it know each other alone.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/errors(/|\\.ts$)' },
      to: { path: '^src/errors/' },
    },
    {
      name: 'events-in-one-place',
      comment:
        'Facts are imported from events.ts, which lists what others name; the files behind it know each other alone.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/events(/|\\.ts$)' },
      to: { path: '^src/events/' },
    },
    {
      name: 'ground-definition',
      comment: 'definition.ts checks durations, so it may import policies, and nothing else above the ground.',
      severity: 'error',
      from: { path: '^src/definition\\.ts$' },
      to: { path: '^src/', pathNot: [ground, anyOf(['policies'])] },
    },
    {
      name: 'config-below-all',
      comment: 'config.ts reads the environment; it knows the ground, policies and nothing that runs.',
      severity: 'error',
      from: { path: '^src/config(/|\\.ts$)' },
      to: { path: '^src/', pathNot: ['^src/config/', ground, anyOf(['policies'])] },
    },
    {
      name: 'config-readers',
      comment: 'config.ts is imported by cli and by index.ts (for `env`); everybody else is handed values.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(index\\.ts$|cli/)' },
      to: { path: '^src/config\\.ts$' },
    },
    {
      name: 'config-in-one-place',
      comment: 'Settings are imported from config.ts; the files behind it know each other alone.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/config(/|\\.ts$)' },
      to: { path: '^src/config/' },
    },
    {
      name: 'public-surface',
      comment: 'index.ts lists the public surface; it does not reach for the command line or the test kit.',
      severity: 'error',
      from: { path: '^src/index\\.ts$' },
      to: { path: anyOf(['cli', 'testing']) },
    },
    {
      name: 'known-place',
      comment: 'A new folder or file right under src belongs into the table of .dependency-cruiser.cjs first.',
      severity: 'error',
      from: { path: '^src/', pathNot: [ground, '^src/(index|config)\\.ts$', '^src/config/', anyOf(folders)] },
      to: {},
    },
    {
      name: 'broker-adapters-apart',
      comment: 'The adapters of the broker port do not know each other.',
      severity: 'error',
      from: { path: '^src/broker/([^/]+)/' },
      to: { path: '^src/broker/[^/]+/', pathNot: '^src/broker/$1/' },
    },
    {
      name: 'broker-port-alone',
      comment: 'The broker port does not know its adapters.',
      severity: 'error',
      from: { path: '^src/broker/[^/]+\\.ts$' },
      to: { path: '^src/broker/[^/]+/' },
    },
    {
      name: 'journal-stores-apart',
      comment: 'The stores of the journal do not know each other.',
      severity: 'error',
      from: { path: '^src/journal/([^/]+)/' },
      to: { path: '^src/journal/[^/]+/', pathNot: '^src/journal/$1/' },
    },
    {
      name: 'journal-port-alone',
      comment: 'The journal knows its stores in the one place where they are chosen.',
      severity: 'error',
      from: { path: '^src/journal/[^/]+\\.ts$', pathNot: '^src/journal/open-store\\.ts$' },
      to: { path: '^src/journal/[^/]+/' },
    },
    onlyIn('only-http-calls', 'axios|undici', '^src/http/'),
    onlyIn('only-amqp-speaks-amqplib', 'amqplib', '^src/broker/amqp/'),
    onlyIn('only-the-journal-speaks-sql', 'libsql|pg', '^src/(journal/|sources/postgres-outbox\\.ts$)'),
    onlyIn('only-the-front-door-serves-and-reads-tokens', 'fastify|jose', '^src/ingress/'),
    onlyIn('only-cron-times-reads-patterns', 'croner', '^src/sources/cron-times\\.ts$'),
    onlyIn('only-observability-logs-with-pino', 'pino', '^src/(observability|cli)/'),
    {
      name: 'pipelines-public-surface',
      comment: "Pipelines import 'sluice', 'rxjs', 'zod' and their own siblings: what any user of the package can.",
      severity: 'error',
      from: { path: '^pipelines/' },
      to: { pathNot: ['^pipelines/', '(^|/)node_modules/(rxjs|zod)/', '^src/(operators/)?index\\.ts$'] },
    },
    {
      name: 'pipelines-by-name',
      comment: "Pipelines say 'sluice', not a path into src: they must run as they are in a user's project.",
      severity: 'error',
      from: { path: '^pipelines/' },
      to: { path: '^src/', dependencyTypes: ['local'] },
    },
    {
      name: 'not-to-tests',
      comment: 'What is shipped or shown does not lean on tests, benches or the demo.',
      severity: 'error',
      from: { path: '^(src|pipelines)/' },
      to: { path: '^(test|bench|demo)/' },
    },
    {
      name: 'sample-apis-alone',
      comment: 'The sample APIs stand for foreign services: they know nothing of sluice.',
      severity: 'error',
      from: { path: '^demo/apis/' },
      to: { path: '^(src|pipelines|test|bench)/' },
    },
    {
      name: 'no-cycles',
      comment: 'Two files that need each other are one idea in the wrong place.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-missing-imports',
      comment: 'An import that resolves to nothing would be judged by no rule.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    // 'sluice' is the source, as in tests, whether or not dist is there.
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['sluice-source', 'import', 'node', 'default'],
    },
  },
};
