import { isIP } from 'node:net';
import { CofferError } from '@coffer/base';
import type { Findings } from './values.ts';

export interface Endpoint {
  /** A name, an address, or the directory of a Unix socket (it begins with `/`). */
  readonly host: string;
  readonly port: number;
}

/** Whether the host is the directory of a Unix socket, as for libpq. */
export function isSocket(host: string): boolean {
  return host.startsWith('/');
}

/**
 * @throws CofferError `invalid-request` when there is no host, or one of them is empty
 */
export function checkHosts(hosts: readonly Endpoint[], from: 'host' | 'connection_url', findings: Findings): void {
  if (hosts.length === 0 || hosts.some(({ host }) => host === '')) {
    const comma = hosts.length > 1 ? ': there is an extra comma' : '';
    throw new CofferError('invalid-request', `host cannot be empty${comma}`);
  }
  for (const { host } of hosts) {
    const problem = problemOf(host);
    if (problem === undefined) continue;
    // A password that was not encoded may have ended up in the host of a URL.
    const what = from === 'host' ? `field "host": ${JSON.stringify(host)}` : 'field "connection_url": a host in it';
    const remedy = from === 'host' ? problem.remedy : 'write host:port, or [address]:port for IPv6';
    findings.refuse(`${what} ${problem.text}: ${remedy}`, `${what} ${problem.text}`);
  }
}

interface HostProblem {
  readonly text: string;
  readonly remedy: string;
}

function problemOf(host: string): HostProblem | undefined {
  if (isSocket(host) || isIP(host) !== 0) return undefined;
  if (host.startsWith('@')) {
    return { text: 'is an abstract socket', remedy: 'they are not supported; write the directory of a socket' };
  }
  if (host.includes('://')) {
    return { text: 'is a URL', remedy: 'give only its host, or use connection_url' };
  }
  const [, address, itsPort] = /^\[(.*)\](?::(\d+))?$/.exec(host) ?? [];
  if (address !== undefined) {
    const port = itsPort === undefined ? '' : ` and port=${itsPort}`;
    return { text: 'has brackets', remedy: `write host=${address}${port}` };
  }
  const [, name, port] = /^([^:]+):(\d+)$/.exec(host) ?? [];
  if (name !== undefined && port !== undefined) {
    const several = 'to give several hosts with ports, use connection_url: postgres://.../ with host:port,host:port';
    return { text: 'contains a port', remedy: `write host=${name} and port=${port}; ${several}` };
  }
  if (/\s/.test(host)) return { text: 'contains a space', remedy: 'several hosts are separated by commas' };
  if (/^[\p{L}\p{M}\p{N}._-]+$/u.test(host)) return undefined;
  return { text: 'is not a host name', remedy: 'write a name, an address, or the directory of a socket' };
}
