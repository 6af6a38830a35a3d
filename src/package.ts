/** This package's own files, found by its name: a module of the build stands elsewhere than its source. */
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';

const own = createRequire(import.meta.url);
const MANIFEST = 'sluice/package.json';
const folder = dirname(own.resolve(MANIFEST));
const extension = extname(import.meta.url);

/** As the manifest says. */
export const { version } = own(MANIFEST) as { readonly version: string };

/** A file of the package, by its path from the root. */
export const packageFile = (path: string): string => join(folder, path);

/** An entry, by its path from src without the end: of the build in a build, from source otherwise. */
export const packageEntry = (name: string): string =>
  packageFile(join(extension === '.js' ? 'dist' : 'src', `${name}${extension}`));
