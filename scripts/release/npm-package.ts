import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface NpmPackage {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** `NAME.cjs`, which npm installs as the command NAME. */
  readonly script: string;
  readonly lowestNode: number;
  /** What goes with it: README.md, LICENSE, … */
  readonly texts: ReadonlyMap<string, string>;
}

/** `NAME-VERSION.tgz` in `into`, as `npm publish` would send it: it needs no other package. Resolves with the file's name. */
export async function packForNpm(into: string, scratch: string, made: NpmPackage): Promise<string> {
  const { name, version, description, script, lowestNode, texts } = made;
  const directory = join(scratch, `npm-${name}`);
  await mkdir(directory);
  const manifest = {
    name,
    version,
    description,
    license: 'Apache-2.0',
    bin: { [name]: `${name}.cjs` },
    files: ['*'],
    engines: { node: `>=${lowestNode}` },
  };
  await writeFile(join(directory, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  await writeFile(join(directory, `${name}.cjs`), script, { mode: 0o755 });
  for (const [file, text] of texts) await writeFile(join(directory, file), text);
  // npm gives every entry one time, and leaves owners out.
  const args = ['pack', directory, '--pack-destination', into, '--ignore-scripts', '--loglevel=error'];
  await promisify(execFile)('npm', args, { cwd: scratch });
  return `${name}-${version}.tgz`;
}
