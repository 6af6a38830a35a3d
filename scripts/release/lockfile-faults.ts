/**
 * What is wrong with the packages a project is made of, read from its manifest and lockfile alone: no network is asked. Pure.
 *
 * Held against it: versions that may move, packages without a hash or from elsewhere than a registry, scripts that run where somebody installs
 * us, licenses we do not pass on, and versions known to be bad.
 */

export interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly link?: boolean;
  readonly inBundle?: boolean;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly peer?: boolean;
  readonly hasInstallScript?: boolean;
}

export interface Lockfile {
  readonly lockfileVersion?: number;
  readonly packages?: Readonly<Record<string, LockedPackage & Manifest>>;
}

const LICENSES = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT'];
/** Of tools we use and do not pass on. */
const LICENSES_OF_TOOLS = [...LICENSES, 'CC0-1.0', 'MIT OR Apache-2.0', 'MPL-2.0', 'PSF-2.0', 'Python-2.0'];

/** Scripts at install that were looked at, and what becomes of the package without them: we install with --ignore-scripts. */
const SCRIPTS_LOOKED_AT = new Map([['esbuild', 'replaces its JavaScript starter by the binary; works without']]);

/** Versions that did harm. @see https://github.com/axios/axios/issues/10604 */
const BAD: Readonly<Record<string, readonly string[]>> = { axios: ['1.14.1', '0.30.4'] };

/** Older ones have faults that the threat model counts on being mended. */
const AT_LEAST: Readonly<Record<string, string>> = { amqplib: '2.3.1', axios: '1.21.1' };

const EXACT = /^(npm:(@[\w.-]+\/)?[\w.-]+@)?\d+\.\d+\.\d+(-[\w.-]+)?$/;
const SHA512 = /^sha512-[A-Za-z0-9+/]{86}==$/;

/** What npm runs by itself where a package is installed. */
const AT_INSTALL = ['preinstall', 'install', 'postinstall'];

/** One line each; none where all is well. */
export function lockfileFaults(manifest: Manifest, lock: Lockfile): readonly string[] {
  const packages = lock.packages ?? {};
  return [
    ...(lock.lockfileVersion === 3 ? [] : [`lockfile: expected version 3, got ${lock.lockfileVersion}`]),
    ...manifestFaults(manifest, packages[''] ?? {}),
    ...Object.entries(packages).flatMap(([path, locked]) => (path === '' ? [] : packageFaults(path, locked))),
  ];
}

function manifestFaults(manifest: Manifest, root: Manifest): readonly string[] {
  const faults: string[] = [];
  for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies'] as const) {
    const [wanted, locked] = [manifest[kind] ?? {}, root[kind] ?? {}];
    for (const [name, version] of Object.entries(wanted)) {
      if (!EXACT.test(version)) faults.push(`${kind} ${name}: expected one exact version, got "${version}"`);
      if (locked[name] !== version)
        faults.push(`${kind} ${name}: the lockfile has ${locked[name] ?? 'none'}, wanted is ${version}`);
    }
    for (const name of Object.keys(locked))
      if (wanted[name] === undefined) faults.push(`${kind} ${name}: is in the lockfile alone`);
  }
  for (const script of AT_INSTALL)
    if (manifest.scripts?.[script] !== undefined)
      faults.push(`scripts ${script}: would run wherever sluice is installed`);
  return faults;
}

function packageFaults(path: string, locked: LockedPackage): readonly string[] {
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const isOurs = locked.dev !== true && locked.devOptional !== true && locked.peer !== true;
  const faults: string[] = [];
  const report = (text: string): void => void faults.push(`${path.replace(/^node_modules\//, '')}: ${text}`);
  if (locked.link === true || locked.inBundle === true) report('is a link or bundled, and not from a registry');
  if (!/^\d+\.\d+\.\d+/.test(locked.version ?? ''))
    report(`has no version of a registry, but ${locked.version ?? 'none'}`);
  if (locked.resolved !== undefined && !locked.resolved.startsWith('https://'))
    report(`comes from ${locked.resolved.split(':', 1)[0]}:, expected https:`);
  if (!SHA512.test(locked.integrity ?? '')) report('has no sha512 hash');
  if (locked.hasInstallScript === true && isOurs && !SCRIPTS_LOOKED_AT.has(name))
    report('runs a script when it is installed');
  const licenses = isOurs ? LICENSES : LICENSES_OF_TOOLS;
  if (!licenses.includes(locked.license ?? ''))
    report(`has the license ${locked.license ?? 'of nobody knows what'}, allowed are ${licenses.join(', ')}`);
  if (BAD[name]?.includes(locked.version ?? '') === true) report(`${locked.version} did harm`);
  const least = AT_LEAST[name];
  if (least !== undefined && isOlder(locked.version ?? '0', least))
    report(`is ${locked.version}, expected at least ${least}`);
  return faults;
}

function isOlder(version: string, least: string): boolean {
  const [ours, theirs] = [version, least].map((text) => text.split(/[.-]/).slice(0, 3).map(Number));
  for (let part = 0; part < 3; part++) {
    const [a = 0, b = 0] = [ours?.[part], theirs?.[part]];
    if (a !== b) return a < b;
  }
  return false;
}
