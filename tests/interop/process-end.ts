import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

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
  while (isRunning(pid)) {
    assert.ok(Date.now() - start < limit, `process ${pid} is still there after ${limit} ms`);
    await sleep(20);
  }
  return Date.now() - start;
}
