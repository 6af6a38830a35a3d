/**
 * What TypeScript and Biome do not see: rules that need types, RxJS's traps, and the project's own law that
 * time, randomness and the environment reach the message path as values. Layout is Biome's.
 */

import { defineConfig } from 'eslint/config';
import rxjs from 'eslint-plugin-rxjs-x';
import tseslint from 'typescript-eslint';

/** Files at the edges, which deal with sockets and processes and so with the clock of the machine. */
const edges = [
  'src/broker/amqp/**',
  'src/broker/embedded/{wire/**,embedded-broker.ts}',
  'src/http/*-{transport,lane,pool}.ts',
  'src/cli/**',
  'src/dashboard/page/**',
  'src/worker/**',
];

const CLOCK = "the clock is RxJS's: timer(), asyncScheduler.now(), so that virtual time works";
const RANDOM = 'randomness is a parameter: take a Random';
const CONTEXT = 'AsyncLocalStorage is wrong after mergeMap and concatMap: the context travels in the delivery';
const ENVIRONMENT = 'src/config/environment.ts alone reads the environment, and hands it on as values';

const timers = ['setTimeout', 'setInterval', 'setImmediate'];
const off = (object, properties, message) => properties.map((property) => ({ object, property, message }));
const offGlobals = timers.map((name) => ({ name, message: CLOCK }));
const offClock = [
  ...off('Date', ['now'], CLOCK),
  ...off('performance', ['now'], CLOCK),
  ...off('globalThis', [...timers, 'performance'], CLOCK),
  ...off('process', ['hrtime', 'uptime'], CLOCK),
  ...off('Math', ['random'], RANDOM),
];
const offEnvironment = off('process', ['env'], ENVIRONMENT);
const offImports = [
  { name: 'node:async_hooks', importNames: ['AsyncLocalStorage'], message: CONTEXT },
  ...['node:timers', 'node:timers/promises', 'node:perf_hooks'].map((name) => ({ name, message: CLOCK })),
];
const offEnvironmentImport = { name: 'node:process', message: ENVIRONMENT };

/** Ways around the type checker, and a clock that hides in a constructor. */
const aroundTypes = [
  {
    selector: 'TSAsExpression > TSAsExpression > TSUnknownKeyword.typeAnnotation',
    message: 'as unknown as … switches the type checker off',
  },
];
const newDate = { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: CLOCK };

export default defineConfig(
  { ignores: ['dist/', 'coverage/', 'site/', 'node_modules/', '**/*.{js,cjs,mjs}'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.base],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-for-in-array': 'error',
      '@typescript-eslint/no-misused-promises': [
        'error',
        { checksVoidReturn: { arguments: false, attributes: false, properties: false } },
      ],
      '@typescript-eslint/only-throw-error': ['error', { allowThrowingUnknown: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    files: ['src/**/*.ts', 'pipelines/**/*.ts', 'demo/**/*.ts'],
    rules: {
      '@typescript-eslint/ban-ts-comment': 'error',
      '@typescript-eslint/no-base-to-string': 'error',
      '@typescript-eslint/no-deprecated': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unsafe-argument': 'error',
      '@typescript-eslint/no-unsafe-assignment': 'error',
      '@typescript-eslint/no-unsafe-call': 'error',
      '@typescript-eslint/no-unsafe-member-access': 'error',
      '@typescript-eslint/no-unsafe-return': 'error',
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true }],
      '@typescript-eslint/return-await': ['error', 'in-try-catch'],
      'no-restricted-syntax': ['error', ...aroundTypes],
    },
  },
  {
    files: ['src/**/*.ts', 'pipelines/**/*.ts'],
    extends: [rxjs.configs.recommended],
    rules: {
      // takeUntil before mergeMap is how a pipeline drains: the intake ends, what runs goes on.
      'rxjs-x/no-unsafe-takeuntil': 'off',
      // A cause that was caught is handed on untouched.
      'rxjs-x/throw-error': ['error', { allowThrowingUnknown: true }],
    },
  },
  {
    // Operators are where Subscribers are written by hand and inner sources are subscribed to.
    files: ['src/operators/**'],
    rules: { '@typescript-eslint/no-deprecated': 'off', 'rxjs-x/no-nested-subscribe': 'off' },
  },
  {
    // A pipeline needs no annotation, so the error of its catchError may be the `any` that RxJS makes of it.
    files: ['pipelines/**/*.ts'],
    rules: { '@typescript-eslint/no-unsafe-assignment': 'off', 'rxjs-x/no-implicit-any-catch': 'off' },
  },
  {
    files: ['src/**/*.ts', 'pipelines/**/*.ts'],
    ignores: edges,
    rules: {
      'no-restricted-globals': ['error', ...offGlobals],
      'no-restricted-properties': ['error', ...offClock, ...offEnvironment],
      'no-restricted-imports': ['error', { paths: [...offImports, offEnvironmentImport] }],
      'no-restricted-syntax': ['error', ...aroundTypes, newDate],
    },
  },
  {
    files: edges,
    rules: {
      'no-restricted-properties': ['error', ...offEnvironment],
      'no-restricted-imports': ['error', { paths: [offEnvironmentImport] }],
    },
  },
  {
    files: ['src/config/environment.ts'],
    rules: {
      'no-restricted-properties': ['error', ...offClock],
      'no-restricted-imports': ['error', { paths: offImports }],
    },
  },
);
