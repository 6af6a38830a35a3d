/** What stands against making a release of a version. Pure: texts in, one line for each fault out. */

export interface ReleaseTexts {
  readonly version: string;
  /** `v0.1.0`, where a tag asks for the release. */
  readonly tag: string | undefined;
  readonly changelog: string;
  /** What `git status --porcelain` printed. */
  readonly status: string;
  /** Undefined: nobody says. */
  readonly repository: unknown;
}

const VERSION = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$/;

export function releaseFaults({ version, tag, changelog, status, repository }: ReleaseTexts): readonly string[] {
  const changed = status.split('\n').filter((line) => line !== '');
  const notes = notesOf(changelog, version);
  return [
    ...(VERSION.test(version) ? [] : [`package.json: "${version}" is no version`]),
    ...(tag === undefined || tag === `v${version}`
      ? []
      : [`tag: ${tag} is not v${version}, the version of package.json`]),
    ...(changed.length === 0
      ? []
      : [`git: ${changed.length} files are not committed, among them ${changed[0]?.slice(3)}`]),
    ...(repository === undefined
      ? [
          'package.json: has no "repository", and GITHUB_REPOSITORY is not set: npm takes no provenance statement of a package without',
        ]
      : []),
    ...(notes === undefined ? [`CHANGELOG.md: has no heading "## ${version}" with lines below it`] : []),
    ...(notes !== undefined && isUnreleased(changelog, version)
      ? [`CHANGELOG.md: calls ${version} unreleased; put the date in its place: "## ${version} (2026-01-31)"`]
      : []),
  ];
}

const headingOf = (version: string): RegExp => new RegExp(`^## ${version.replaceAll('.', '\\.')}( \\((.*)\\))?$`, 'm');

const isUnreleased = (changelog: string, version: string): boolean =>
  headingOf(version).exec(changelog)?.[2]?.toLowerCase() === 'unreleased';

/** The lines of a version; undefined where there are none. */
export function notesOf(changelog: string, version: string): string | undefined {
  const heading = headingOf(version).exec(changelog);
  if (heading === null) return undefined;
  const after = changelog.slice(heading.index + heading[0].length);
  const notes = after.slice(0, /^## /m.exec(after)?.index ?? after.length).trim();
  return notes === '' ? undefined : notes;
}
