import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';

/** `T` for a process that is stopped. */
export async function stateOf({ pid }: ChildProcess): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return /\) (\S) /.exec(stat)?.[1] ?? '';
}
