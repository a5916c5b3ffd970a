import { readFileSync } from 'node:fs';
import { eventually } from '@coffer/testkit';

/** Whether a process is there. One that has ended and that nobody has waited for does not count. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    const [, state] = /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return state !== 'Z';
  } catch {
    // Without /proc the signal is all there is to go by; with it, the process has just ended.
    return process.platform !== 'linux';
  }
}

/** Resolves with the time that a process took to end, and throws when that is more than `limit` (milliseconds). */
export async function endOfProcess(pid: number, limit: number): Promise<number> {
  const start = Date.now();
  await eventually(() => !isRunning(pid), `the end of process ${pid}`, { patienceMs: limit });
  return Date.now() - start;
}
