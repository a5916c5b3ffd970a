import { createHash } from 'node:crypto';
import { createWriteStream, globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, normalize, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import yazl from 'yazl';

const root = resolve(import.meta.dirname, '..', '..');
/** For who changes the code, who has all of it. */
const FOR_DEVELOPERS = /^docs\/(?:decisions|development)\/|^docs\/(?:words|caches|dependencies)\.md$/;
const SAMPLES = [
  'deploy/certificates.sh',
  'deploy/coffer.hcl',
  'deploy/coffer.service',
  'deploy/compose/Dockerfile',
  'deploy/compose/coffer.hcl',
  'deploy/compose/compose.yaml',
  'deploy/compose/haproxy.cfg',
  'deploy/docker/Dockerfile',
  'deploy/docker/openbao.Dockerfile',
  'deploy/docker/vault.Dockerfile',
  'deploy/grafana-dashboard.json',
  'deploy/haproxy.cfg',
  'deploy/host.sh',
  'deploy/kubernetes.yaml',
  'deploy/nginx.conf',
  'deploy/prometheus-alerts.yaml',
  'deploy/prometheus.yaml',
  'deploy/store.sql',
];
/** Of zip's two kinds of time, the one without a zone: these digits, wherever it is made. */
const ENTRY_TIME = new Date(2026, 0, 1);

/** What is in an archive, by its path there. */
export type ArchiveFiles = ReadonlyMap<string, Buffer>;

/**
 * The pages that a user needs, or those whose paths `fits`, with the pictures in them; what they link to and is not among `also` or them
 * is linked no more.
 */
export async function userDocs(fits: (page: string) => boolean, also: Iterable<string>): Promise<Map<string, Buffer>> {
  const all = ['README.md', 'CHANGELOG.md', 'SECURITY.md', ...globSync('docs/**/*.md', { cwd: root })].sort();
  const chosen = all.filter((page) => !FOR_DEVELOPERS.test(page) && fits(page));
  const pages = new Map(await readAll(chosen));
  const pictures = new Map(await readAll([...pages].flatMap(([page, text]) => picturesOf(page, text.toString()))));
  const there = [...pages.keys(), ...pictures.keys(), ...also];
  const isThere = (path: string): boolean => there.some((file) => file === path || file.startsWith(`${path}/`));
  for (const [page, text] of pages) {
    const linked = text
      .toString()
      .replace(/\[([^\]]*)\]\((?!https?:|#)([^)#\s]+)[^)\s]*\)/g, (link, shown: string, target: string) =>
        isThere(placeOf(page, target)) ? link : shown,
      );
    pages.set(page, Buffer.from(linked));
  }
  return new Map([...pages, ...pictures]);
}

function readAll(names: readonly string[], from = root): Promise<(readonly [string, Buffer])[]> {
  return Promise.all(names.map(async (name) => [name, await readFile(join(from, name))] as const));
}

function picturesOf(page: string, text: string): string[] {
  const found = text.matchAll(/!\[[^\]]*\]\((?!https?:)([^)#\s]+)\)/g);
  return [...found].map(([, target = '']) => placeOf(page, target));
}

/** What a page links to, from the root. */
function placeOf(page: string, target: string): string {
  return normalize(join(dirname(page), target)).replace(/\/$/, '');
}

/**
 * The samples of `deploy/`. By name: docs/production.md has its reader put keys and certificates beside them, which nobody must be
 * given.
 */
export async function deploySamples(from = root): Promise<Map<string, Buffer>> {
  return new Map(await readAll(SAMPLES, from));
}

/** A line of `sha256sum` for each file. */
export function sumLines(files: Iterable<readonly [string, Buffer]>): string {
  return [...files].map(([name, bytes]) => `${createHash('sha256').update(bytes).digest('hex')}  ${name}\n`).join('');
}

/** A zip of these files, and of `SHA256SUMS` over them. The same files give the same bytes. */
export async function writeArchive(path: string, files: ArchiveFiles): Promise<void> {
  const zip = new yazl.ZipFile();
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, bytes] of [...sorted, ['SHA256SUMS', Buffer.from(sumLines(sorted))] as const]) {
    zip.addBuffer(bytes, name, {
      mtime: ENTRY_TIME,
      forceDosTimestamp: true,
      mode: isProgram(name, bytes) ? 0o100755 : 0o100644,
    });
  }
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(path));
}

function isProgram(name: string, bytes: Buffer): boolean {
  return bytes.subarray(0, 2).toString() === '#!' || (bytes[0] === 0x7f && !name.includes('.'));
}
