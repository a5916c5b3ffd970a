import { readdir, readFile, readlink } from 'node:fs/promises';

/** The process id of a plugin that a host has running. @throws Error when there is none */
export async function runningPlugin(executable: string, hostPid: number): Promise<number> {
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const exe = await readlink(`/proc/${entry}/exe`).catch(() => '');
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    if (exe === executable && stat.includes(` ${hostPid} `)) return Number(entry);
  }
  throw new Error(`no process of ${executable} found`);
}
