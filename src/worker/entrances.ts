/** The pipelines that are entered over HTTP, as the front door takes them, and what is wrong with them together. */
import { createRequire } from 'node:module';
import { ConfigError, type Problem } from '../errors.ts';
import type { OpenEntrance } from '../ingress/read-request.ts';
import { formOf } from '../pipeline/message-format.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { isLoopback } from '../policies/asked-as.ts';

export const entrancesOf = (pipelines: readonly Pipeline[]): readonly OpenEntrance[] =>
  pipelines.flatMap((pipeline) => {
    const { name, input, source, ingress } = pipeline;
    return ingress === undefined ? [] : [{ name, input, source, ingress, form: formOf(pipeline) }];
  });

/** Every mistake, settings that are missing included; connects to nothing. */
export function entranceProblems(pipelines: readonly Pipeline[]): readonly Problem[] {
  const entrances = entrancesOf(pipelines);
  if (entrances.length === 0) return [];
  return [...missingPackage(), ...clashes(entrances), ...entrances.flatMap(authProblems)];
}

/** Whoever reaches the front door from another machine has to be somebody, or wanted whoever he is. */
export const openToAll = (pipelines: readonly Pipeline[], host: string): readonly Problem[] =>
  isLoopback(host)
    ? []
    : entrancesOf(pipelines)
        .filter(({ ingress }) => ingress.auth === undefined)
        .map((entrance) =>
          problem(
            entrance,
            'auth',
            `is missing, and SLUICE_DOOR_HOST ${host} can be reached from other machines; expected clientKeys(…), jwt(…), or 'none' for anybody`,
          ),
        );

const problem = ({ name }: OpenEntrance, path: string, message: string): Problem => ({
  subject: `pipeline "${name}"`,
  path: `ingress.${path}`,
  message,
});

function missingPackage(): readonly Problem[] {
  try {
    createRequire(import.meta.url).resolve('fastify');
    return [];
  } catch {
    const message = 'the front door needs the package fastify, which is not installed; run `npm install fastify@5`';
    return [{ subject: 'ingress', path: '', message }];
  }
}

/** Paths that differ in case or by a slash would be told apart by the door, and not by people. */
function clashes(entrances: readonly OpenEntrance[]): readonly Problem[] {
  const owners = new Map<string, string>();
  return entrances.flatMap((entrance) => {
    const path = entrance.ingress.path?.toLowerCase();
    const owner = owners.get(path);
    owners.set(path, entrance.name);
    return owner === undefined
      ? []
      : [
          problem(
            entrance,
            'path',
            `"${entrance.ingress.path}" is that of pipeline "${owner}" too; each needs its own`,
          ),
        ];
  });
}

function authProblems({ ingress: { auth } }: OpenEntrance): readonly Problem[] {
  try {
    if (typeof auth === 'object') auth.open();
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems;
  }
}
