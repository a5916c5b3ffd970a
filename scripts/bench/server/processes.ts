/** What a process and its children have used, from /proc. */
import { readdirSync, readFileSync } from 'node:fs';

/** Linux has 100 ticks a second for its users (proc(5), getconf CLK_TCK). */
const TICK_MS = 10;

/** Fields of proc(5) stat from the third on: the second is a name that may hold spaces. */
function fieldsOf(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

function ticks(fields: readonly string[] | undefined, from: number, count: number): number {
  return (fields ?? []).slice(from, from + count).reduce((sum, field) => sum + Number(field), 0);
}

export function childrenOf(pid: number): number[] {
  const all = readdirSync('/proc').map(Number).filter(Boolean);
  return all.filter((each) => fieldsOf(each)?.[1] === String(pid));
}

/** Processor time of these processes, in milliseconds, without that of their children. */
export function cpuMs(pids: readonly number[]): number {
  // utime and stime, the fields 14 and 15.
  return pids.reduce((sum, pid) => sum + ticks(fieldsOf(pid), 11, 2), 0) * TICK_MS;
}

/** That of a process with its children, those that are gone (cutime and cstime) among them. */
export function familyCpuMs(pid: number): number {
  return ticks(fieldsOf(pid), 11, 4) * TICK_MS + cpuMs(childrenOf(pid));
}

/** That of all processes of the machine, in milliseconds. */
export function machineCpuMs(): number {
  const [, ...fields] = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').split(/ +/);
  // All but idle and iowait, the fields 4 and 5, and what a host above this machine takes.
  return (ticks(fields, 0, 3) + ticks(fields, 5, 2)) * TICK_MS;
}

/** Resident memory of these processes, in bytes. */
export function residentBytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return sum + Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
  }, 0);
}
