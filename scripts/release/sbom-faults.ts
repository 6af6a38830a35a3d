/** Whether a list of parts (CycloneDX) says what is published: this version, and every package that comes with it, hashed. Pure. */

interface Component {
  readonly name?: string;
  readonly group?: string;
  readonly version?: string;
  readonly purl?: string;
  readonly hashes?: readonly { readonly alg?: string; readonly content?: string }[];
}

export interface Sbom {
  readonly bomFormat?: string;
  readonly metadata?: { readonly component?: Component };
  readonly components?: readonly Component[];
}

/** `dependencies` are those of the manifest. One line each; none where all is well. */
export function sbomFaults(
  sbom: Sbom,
  version: string,
  dependencies: Readonly<Record<string, string>>,
): readonly string[] {
  const { bomFormat, metadata, components = [] } = sbom;
  const named = new Map(
    components.map((component) => [component.purl?.replace(/^pkg:npm\//, '').replace('%40', '@'), component]),
  );
  return [
    ...(bomFormat === 'CycloneDX' ? [] : [`SBOM: is ${bomFormat ?? 'nothing'}, expected CycloneDX`]),
    ...(metadata?.component?.version === version
      ? []
      : [`SBOM: is of version ${metadata?.component?.version}, expected ${version}`]),
    ...Object.entries(dependencies)
      .filter(([name, wanted]) => !named.has(`${name}@${wanted}`))
      .map(([name, wanted]) => `SBOM: does not name ${name} ${wanted}`),
    ...components
      .filter(({ hashes }) => !(hashes ?? []).some(({ alg }) => alg === 'SHA-512'))
      .map(({ purl, name }) => `SBOM: ${purl ?? name} has no SHA-512`),
  ];
}
