import { BlockList, isIP } from 'node:net';
import { CofferError } from '@coffer/base';
import type { ProxyChoice } from '@coffer/client';
import type { Environment } from './flags.ts';

/**
 * The proxies of the environment, as Go's clients choose them: VAULT_PROXY_ADDR or else VAULT_HTTP_PROXY for everything
 * (vault:api/client.go ReadEnvironment); or else HTTPS_PROXY and HTTP_PROXY, in capitals or not, by the scheme of the URL, but not for
 * this machine and what NO_PROXY names (golang/net:http/httpproxy/proxy.go). Undefined when there are none.
 *
 * @throws CofferError `invalid-request` naming the variable that holds no URL of a proxy
 */
export function proxyFromEnvironment(env: Environment): ProxyChoice | undefined {
  const always = read(env, 'VAULT_PROXY_ADDR', 'VAULT_HTTP_PROXY');
  if (always !== undefined) return () => always;
  const secure = read(env, 'HTTPS_PROXY', 'https_proxy');
  const plain = read(env, 'HTTP_PROXY', 'http_proxy');
  if (secure === undefined && plain === undefined) return undefined;
  const isExempt = exemption(env['NO_PROXY'] || env['no_proxy'] || '');
  return (url) => (isExempt(url) ? undefined : url.protocol === 'https:' ? secure : plain);
}

function read(env: Environment, ...variables: readonly string[]): string | undefined {
  const variable = variables.find((name) => env[name]);
  if (variable === undefined) return undefined;
  const text = env[variable] ?? '';
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (url !== null && ['http:', 'https:'].includes(url.protocol)) return url.href;
  // The value may hold a password.
  throw new CofferError(
    'invalid-request',
    `${variable} must be an http:// or https:// URL, as in "http://127.0.0.1:3128"`,
  );
}

/** What NO_PROXY says: `*`, host names with their subdomains, `.domain` for these alone, addresses and networks, each with a port if need be. */
function exemption(list: string): (url: URL) => boolean {
  const entries = list
    .toLowerCase()
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  const networks = new BlockList();
  for (const entry of entries) addNetwork(networks, entry);
  const loopback = new BlockList();
  addNetwork(loopback, '127.0.0.0/8');
  addNetwork(loopback, '::1/128');
  return (url) => {
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const port = url.port || (url.protocol === 'https:' ? '443' : '80');
    if (host === 'localhost' || isIn(loopback, host) || isIn(networks, host)) return true;
    return entries.some((entry) => names(entry, host, port));
  };
}

function addNetwork(networks: BlockList, entry: string): void {
  const [, address = '', prefix = ''] = /^([^/]+)\/(\d{1,3})$/.exec(entry) ?? [];
  const family = isIP(address);
  if (family !== 0 && Number(prefix) <= (family === 4 ? 32 : 128)) {
    networks.addSubnet(address, Number(prefix), family === 4 ? 'ipv4' : 'ipv6');
  }
}

function isIn(networks: BlockList, host: string): boolean {
  const family = isIP(host);
  return family !== 0 && networks.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

function names(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  // What is an address has its port behind brackets, if it is one of IPv6.
  const [, bracketed, plain = '', entryPort] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [
    undefined,
    entry,
  ];
  if (entryPort !== undefined && entryPort !== port) return false;
  const name = (bracketed ?? plain).replace(/^\*(?=\.)/, '');
  if (name.startsWith('.')) return host.endsWith(name);
  return name !== '' && (host === name || (isIP(name) === 0 && host.endsWith(`.${name}`)));
}
