/** When, where and of what: without it figures cannot be compared with later ones. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { machine } from '../measurement.ts';

async function git(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('git', args, { cwd: import.meta.dirname });
  return stdout.trim();
}

export async function about(): Promise<string> {
  const commit = await git('rev-parse', '--short', 'HEAD');
  const changes = (await git('status', '--porcelain')) === '' ? '' : ' with changes';
  return `${new Date().toISOString().slice(0, 10)}, commit ${commit}${changes}; ${machine()}`;
}
