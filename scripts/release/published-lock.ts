/** The lockfile of what is published: the packages that come with it, and none of the tools. Pure. */
import type { LockedPackage, Lockfile, Manifest } from './lockfile-faults.ts';

/** For a manifest as it is published. Packages that only tools or optional peers bring are left out. */
export function publishedLock(lock: Lockfile, manifest: Manifest): Lockfile {
  const { name = '', version = '', dependencies = {} } = manifest;
  const comesWithUs = ({ dev, devOptional, peer }: LockedPackage): boolean => !(dev ?? devOptional ?? peer ?? false);
  const packages = Object.entries(lock.packages ?? {}).filter(([path, locked]) => path !== '' && comesWithUs(locked));
  return { ...lock, packages: { '': { name, version, dependencies }, ...Object.fromEntries(packages) } };
}
