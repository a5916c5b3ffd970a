import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

const root = resolve(import.meta.dirname, '..', '..');

/** Of SPDX 2.3, what this changes. */
interface SpdxPackage {
  readonly SPDXID: string;
  readonly name: string;
  readonly packageFileName?: string;
}

interface SpdxDocument {
  readonly packages: readonly SpdxPackage[];
}

/** What npm says of everything that the lockfile names. */
export async function lockedSoftware(): Promise<SpdxDocument> {
  const args = ['sbom', '--sbom-format=spdx', '--package-lock-only'];
  const { stdout } = await promisify(execFile)('npm', args, { cwd: root, maxBuffer: 64 * 1024 * 1024 });
  return JSON.parse(stdout) as SpdxDocument;
}

export interface SbomOptions {
  readonly product: string;
  readonly version: string;
  /** Places in package-lock.json. */
  readonly contents: readonly string[];
  readonly time: Date;
}

/**
 * An SPDX document of what is in one product, and of nothing that only builds or tests it. The same contents give the same text: its
 * time is the archive's, and its namespace is made of the rest of it in place of a random one.
 *
 * @throws Error when something is in the product of which the lockfile knows nothing
 */
export function productSbom(all: SpdxDocument, { product, version, contents, time }: SbomOptions): string {
  const packages = contents.map((place) => {
    const found = all.packages.find(({ packageFileName }) => packageFileName === place);
    if (found === undefined) throw new Error(`package-lock.json does not name what is in ${product}: ${place}`);
    return found;
  });
  const own = {
    name: product,
    SPDXID: `SPDXRef-Package-${product}-${version}`,
    versionInfo: version,
    primaryPackagePurpose: 'APPLICATION',
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    licenseDeclared: 'Apache-2.0',
  };
  const document = {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: `${product}@${version}`,
    creationInfo: { created: time.toISOString().replace('.000Z', 'Z'), creators: ['Tool: npm sbom'] },
    documentDescribes: [own.SPDXID],
    packages: [own, ...packages],
    relationships: [
      relationship('SPDXRef-DOCUMENT', 'DESCRIBES', own.SPDXID),
      ...packages.map(({ SPDXID }) => relationship(own.SPDXID, 'CONTAINS', SPDXID)),
    ],
  };
  const digest = createHash('sha256').update(JSON.stringify(document)).digest('hex');
  const documentNamespace = `http://spdx.org/spdxdocs/${product}-${version}-${digest}`;
  return `${JSON.stringify({ ...document, documentNamespace }, null, 2)}\n`;
}

function relationship(spdxElementId: string, relationshipType: string, relatedSpdxElement: string) {
  return { spdxElementId, relationshipType, relatedSpdxElement };
}
