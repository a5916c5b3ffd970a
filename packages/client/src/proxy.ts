import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { CofferError } from '@coffer/base';
import type { Endpoint } from './endpoint.ts';

/** The URL of the proxy through which a URL is reached; undefined for none. */
export type ProxyChoice = (url: URL) => string | undefined;

/** Node's agents go through proxies from these versions on; older ones would go past them and not say so. */
const KNOWS_PROXIES = [
  [22, 21],
  [24, 5],
] as const;

export function proxyOf({ socketPath, origin }: Endpoint, choose: ProxyChoice | undefined): string | undefined {
  return socketPath === undefined ? choose?.(new URL(origin)) : undefined;
}

/**
 * What a request connects with. Never a pool: nothing must outlive the command that asked.
 *
 * @throws CofferError `unsupported` for a proxy that Node cannot use
 */
export function agentFor(endpoint: Endpoint, choose: ProxyChoice | undefined): HttpAgent | false {
  const proxy = proxyOf(endpoint, choose);
  if (proxy === undefined) return false;
  requireProxySupport();
  return endpoint.secure
    ? new HttpsAgent({ proxyEnv: { HTTPS_PROXY: proxy } })
    : new HttpAgent({ proxyEnv: { HTTP_PROXY: proxy } });
}

function requireProxySupport(): void {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 24 || KNOWS_PROXIES.some(([known, from]) => major === known && minor >= from)) return;
  throw new CofferError(
    'unsupported',
    `Node ${process.versions.node} cannot go through a proxy: use Node 24.5 or later, or take the proxy out of the environment`,
  );
}
