/** `docs/errors.md`, made of the classes in `src/errors`: what each says, whether another try is worth it, and what to do about it. */
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { cell, docOf, readModule, root } from './docstrings.ts';

interface ErrorClass {
  readonly name: string;
  readonly code: string;
  readonly kind: 'transient' | 'permanent' | 'either';
  readonly meaning: string;
  readonly remedy: string;
}

/** Areas in the order in which a message meets them. */
const AREAS: readonly (readonly [file: string, title: string])[] = [
  ['definition', 'Before the first message'],
  ['message', 'Messages and results'],
  ['author', 'What a handle may throw'],
  ['call', 'Calls'],
  ['operator', 'Operators'],
  ['saga', 'Sagas'],
  ['journal', 'The journal'],
  ['broker', 'The broker'],
  ['source', 'Sources'],
];

/** Files behind errors.ts that hold classes with a code. */
function listedFiles(): readonly string[] {
  const index = readFileSync(`${root}src/errors.ts`, 'utf8');
  return [...index.matchAll(/from '\.\/errors\/([\w-]+)\.ts'/g)].map(([, name = '']) => name);
}

function classesOf(file: string): readonly ErrorClass[] {
  const text = readFileSync(`${root}src/errors/${file}.ts`, 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  return source.statements.filter(ts.isClassDeclaration).flatMap((node) => {
    const field = (name: string) =>
      node.members.filter(ts.isPropertyDeclaration).find((member) => member.name.getText() === name);
    const code = field('code')?.initializer;
    if (code === undefined || !ts.isStringLiteral(code)) return [];
    const transient = field('isTransient');
    const kind =
      transient === undefined
        ? 'permanent'
        : transient.initializer?.kind === ts.SyntaxKind.TrueKeyword
          ? 'transient'
          : 'either';
    const [meaning = '', remedy = ''] = docOf(node).split('@remedy ');
    return [{ name: node.name?.text ?? '', code: code.text, kind, meaning: meaning.trim(), remedy: remedy.trim() }];
  });
}

const INTRODUCTION = `# Errors

Every error of sluice has a class, and a code that stays the same across releases: logs, metrics, facts and dead letters carry it. This page is made of the docstrings in
[src/errors](../src/errors.ts).

- **Transient** errors are worth another try: the message waits for the next of its source's \`retry.delays\` and comes again. When no delay is left, it is dead-lettered.
- **Permanent** errors dead-letter the message at once.
- **Either**: as what caused it. A 503 is transient, a 422 is not.

A dead letter lies in \`<queue>.dead\`, with body and properties as they came. Its headers say what happened: \`x-sluice-error-code\`, below it \`x-sluice-error-cause\`, the reason in
\`x-sluice-error-message\`, and stage, pipeline, attempts, first and last failure. \`sluice dlq ls\` groups letters by code, \`sluice dlq show\` prints each, \`sluice dlq retry\` gives letters
back to their queue.

What is no error of sluice (a \`TypeError\` in a handle, a string that was thrown) has the code \`ERR_HANDLE_FAILED\` and is permanent: a mistake of the program is not mended by another try. Its message may not say where: the line of the log does, as \`place\`, with file, line and column.
A handle that knows better throws \`TransientError\`, or whatever else with \`isTransient: true\`.
`;

export function errorPage(): string {
  const listed = listedFiles();
  const known = new Set(AREAS.map(([file]) => file));
  const others = listed.filter((file) => !known.has(file)).map((file) => [file, titleOf(file)] as const);
  const sections = [...AREAS, ...others].flatMap(([file, title]) => {
    const classes = classesOf(file);
    if (classes.length === 0) return [];
    const rows = classes.map(
      ({ name, code, kind, meaning, remedy }) =>
        `| \`${code}\`<br>\`${name}\` | ${kind} | ${cell(meaning)} | ${cell(remedy)} |`,
    );
    return [
      `## ${title}\n\n${readModule(`src/errors/${file}.ts`).opening}\n\n| Code | Kind | What it says | What to do |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`,
    ];
  });
  return [INTRODUCTION, ...sections].join('\n');
}

const titleOf = (file: string): string => file.charAt(0).toUpperCase() + file.slice(1).replaceAll('-', ' ');

/** Classes that say what happened and not what to do. */
export const withoutRemedy = (): readonly string[] =>
  listedFiles()
    .flatMap(classesOf)
    .filter(({ remedy }) => remedy === '')
    .map(({ name }) => name);
