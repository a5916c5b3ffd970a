import { readdir, readFile, statfs } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, hostname, machine, platform, release, totalmem, uptime } from 'node:os';
import { errorText, formatTime, type JsonObject } from '@coffer/base';

/** File systems that are looked at: a machine with containers may have very many. */
const MOST_DISKS = 64;

/**
 * What a machine says of itself, under the names of gopsutil, which Vault takes it from
 * (openbao/openbao:internal/helper/hostutil/hostinfo.go). Parts that cannot be found out are left out, each with a warning.
 */
export async function hostInfo(warnings: string[]): Promise<JsonObject> {
  const part = async (name: string, find: () => Promise<JsonObject | JsonObject[]> | JsonObject[]) => {
    try {
      return { [name]: await find() };
    } catch (error) {
      warnings.push(`failed to collect ${name} information: ${errorText(error)}`);
      return {};
    }
  };
  return {
    timestamp: formatTime(Date.now()),
    ...(await part('cpu', processors)),
    ...(await part('cpu_times', processorTimes)),
    ...(await part('disk', disks)),
    ...(await part('host', host)),
    ...(await part('memory', memory)),
  };
}

function processors(): JsonObject[] {
  return cpus().map(({ model, speed }, cpu) => ({ cpu, cores: 1, modelName: model, mhz: speed }));
}

/** In seconds since the machine was started. */
function processorTimes(): JsonObject[] {
  const seconds = (ms: number): number => ms / 1000;
  return cpus().map(({ times: { user, sys, idle, nice, irq } }, index) => ({
    cpu: `cpu${index}`,
    user: seconds(user),
    system: seconds(sys),
    idle: seconds(idle),
    nice: seconds(nice),
    irq: seconds(irq),
  }));
}

/** The file systems on devices, each once. Those of a network are left out: one that hangs would hang this. */
async function disks(): Promise<JsonObject[]> {
  const places = platform() === 'linux' ? await deviceMounts() : [{ path: '/', device: '', fstype: '' }];
  return Promise.all(
    places.map(async ({ path, device, fstype }) => {
      const { bsize, blocks, bfree, bavail, files, ffree } = await statfs(path);
      const [total, free, used] = [blocks * bsize, bavail * bsize, (blocks - bfree) * bsize];
      return {
        path,
        ...(device !== '' && { device, fstype }),
        ...{ total, free, used, usedPercent: percent(used, used + free) },
        ...{ inodesTotal: files, inodesUsed: files - ffree, inodesFree: ffree },
        inodesUsedPercent: percent(files - ffree, files),
      };
    }),
  );
}

async function deviceMounts(): Promise<{ path: string; device: string; fstype: string }[]> {
  const lines = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' '));
  const found = new Map<string, { path: string; device: string; fstype: string }>();
  for (const [device = '', path = '', fstype = ''] of lines) {
    const isDirectory = path !== '' && !path.startsWith('/etc/');
    if (device.startsWith('/dev/') && isDirectory && !found.has(device)) found.set(device, { path, device, fstype });
  }
  return [...found.values()].slice(0, MOST_DISKS);
}

async function host(): Promise<JsonObject> {
  const up = Math.floor(uptime());
  return {
    hostname: hostname(),
    uptime: up,
    bootTime: Math.floor(Date.now() / 1000) - up,
    os: platform(),
    kernelVersion: release(),
    kernelArch: machine(),
    cores: availableParallelism(),
    ...(platform() === 'linux' && {
      procs: (await readdir('/proc')).filter((name) => Number.isInteger(Number(name))).length,
      ...(await distribution()),
    }),
  };
}

async function distribution(): Promise<JsonObject> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const value = (name: string): string =>
    text
      .split('\n')
      .find((line) => line.startsWith(`${name}=`))
      ?.slice(name.length + 1)
      .replaceAll('"', '') ?? '';
  return { platform: value('ID'), platformVersion: value('VERSION_ID') };
}

async function memory(): Promise<JsonObject> {
  const total = totalmem();
  const known = platform() === 'linux' ? await meminfo() : new Map<string, number>();
  const available = known.get('MemAvailable') ?? freemem();
  const shown = (name: string, key: string): JsonObject => {
    const bytes = known.get(key);
    return bytes === undefined ? {} : { [name]: bytes };
  };
  return {
    ...{ total, available, used: total - available, usedPercent: percent(total - available, total) },
    free: known.get('MemFree') ?? freemem(),
    ...shown('buffers', 'Buffers'),
    ...shown('cached', 'Cached'),
    ...shown('active', 'Active'),
    ...shown('inactive', 'Inactive'),
    ...shown('swaptotal', 'SwapTotal'),
    ...shown('swapfree', 'SwapFree'),
  };
}

/** Bytes by name. */
async function meminfo(): Promise<Map<string, number>> {
  const lines = (await readFile('/proc/meminfo', 'utf8')).split('\n');
  return new Map(
    lines.map((line) => {
      const [name = '', rest = ''] = line.split(':');
      return [name, Number.parseInt(rest, 10) * 1024] as const;
    }),
  );
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : (part / whole) * 100;
}
