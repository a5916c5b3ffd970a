/** Where a release goes. */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** As an earlier release has called its files, and what one has left that was ended before its time. */
const OF_A_RELEASE = /^(?:SHA256SUMS|(?:coffer|ysql-plugin)[-_]\d.*\.(?:zip|tgz|spdx\.json)|\.release-\w+)$/;

/**
 * Makes the directory. What an earlier release has put there stays until {@link replaceRelease}.
 *
 * @throws Error for one that has anything else in it, since nobody may lose it to a mistyped option
 */
export async function prepareOutput(into: string): Promise<void> {
  await mkdir(into, { recursive: true });
  const other = (await readdir(into)).filter((name) => !OF_A_RELEASE.test(name));
  if (other.length === 0) return;
  throw new Error(`${into} has files that are not a release's, such as ${other[0]}: name an empty directory by --into`);
}

/** Puts the files of `made`, which is below `into`, in place of those of an earlier release. The checksums come last. */
export async function replaceRelease(into: string, made: string): Promise<void> {
  const old = (await readdir(into)).filter((name) => !made.startsWith(join(into, name)));
  for (const name of old.sort(checksumsFirst)) await rm(join(into, name), { recursive: true });
  for (const name of (await readdir(made)).sort(checksumsFirst).reverse())
    await rename(join(made, name), join(into, name));
}

function checksumsFirst(a: string, b: string): number {
  return Number(b === 'SHA256SUMS') - Number(a === 'SHA256SUMS');
}
