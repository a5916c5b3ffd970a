/**
 * `npm run release`: what a user would download, in `dist/release/`. One zip for the plugin, one for the server, for the
 * platform this runs on, and SHA256SUMS over the zips and over the files in them (the plugin's is what gets registered).
 * Entries have a fixed time, so the same build gives the same zip.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { VERSION } from '@coffer/base';
import yazl from 'yazl';

const root = resolve(import.meta.dirname, '..');
const dist = join(root, 'dist');
const release = join(dist, 'release');
const PLATFORM = `${platform()}_${arch() === 'x64' ? 'amd64' : arch()}`;
/** Zip keeps local times without a zone; this is one in all zones. */
const ENTRY_TIME = new Date(2026, 0, 1);

interface Archive {
  readonly name: string;
  readonly files: readonly string[];
}

const ARCHIVES: readonly Archive[] = [
  { name: `ysql-plugin_${VERSION}_${PLATFORM}.zip`, files: ['ysql-plugin', 'ysql-plugin.cjs'] },
  { name: `coffer_${VERSION}_${PLATFORM}.zip`, files: ['coffer'] },
];

async function build(): Promise<void> {
  const child = spawn(process.execPath, [join(root, 'scripts', 'build.ts')], { stdio: 'inherit' });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error('the build failed: see its messages above');
}

async function pack({ name, files }: Archive): Promise<void> {
  const zip = new yazl.ZipFile();
  for (const file of files) zip.addFile(join(dist, file), file, { mtime: ENTRY_TIME, mode: 0o100755 });
  zip.addFile(join(root, 'CHANGELOG.md'), 'CHANGELOG.md', { mtime: ENTRY_TIME, mode: 0o100644 });
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(join(release, name)));
}

async function sumLine(directory: string, name: string): Promise<string> {
  const digest = createHash('sha256')
    .update(await readFile(join(directory, name)))
    .digest('hex');
  return `${digest}  ${name}`;
}

await build();
await rm(release, { recursive: true, force: true });
await mkdir(release, { recursive: true });
for (const archive of ARCHIVES) await pack(archive);
const sums = [
  ...(await Promise.all(ARCHIVES.map(({ name }) => sumLine(release, name)))),
  ...(await Promise.all(ARCHIVES.flatMap(({ files }) => files).map((file) => sumLine(dist, file)))),
];
await writeFile(join(release, 'SHA256SUMS'), `${sums.join('\n')}\n`);
console.log(`dist/release:\n${sums.join('\n')}`);
