import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Files of the working tree that are not as they are committed, as `git status` has them. None where there is no Git, as in an archive. */
export async function uncommitted(root: string): Promise<readonly string[]> {
  if (!existsSync(join(root, '.git'))) return [];
  const status = promisify(execFile)('git', ['status', '--porcelain'], { cwd: root });
  const { stdout } = await status.catch(() => ({ stdout: '' }));
  return stdout.split('\n').filter((line) => line !== '');
}
