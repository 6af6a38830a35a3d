/**
 * Where the package comes from, as npm's manifest says it. The registry takes a provenance statement only of a package that names the repository
 * its workflow ran in (E422 otherwise), so that what the manifest leaves out is taken from the workflow's own variables: a fork publishes as itself.
 * Undefined where neither says.
 * @see https://docs.npmjs.com/generating-provenance-statements
 */
export function repositoryOf(
  manifest: { readonly repository?: unknown },
  env: Readonly<Record<string, string | undefined>>,
): unknown {
  if (manifest.repository !== undefined) return manifest.repository;
  const { GITHUB_SERVER_URL = 'https://github.com', GITHUB_REPOSITORY } = env;
  if (GITHUB_REPOSITORY === undefined || GITHUB_REPOSITORY === '') return undefined;
  return { type: 'git', url: `git+${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}.git` };
}
