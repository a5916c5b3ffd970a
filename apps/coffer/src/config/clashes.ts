import { isIPv4 } from 'node:net';
import { resolve } from 'node:path';
import { type HclObject, hclPlace, type HclPosition, type HclReport } from '@coffer/hcl';
import { DEFAULT_ADDRESS, formatListenAddress, parseListenAddress } from '../listen-address.ts';
import { DEFAULT_SOCKET } from './listener-socket.ts';
import { listenerBlocks, listenerType } from './listener-type.ts';

/** Two listeners that cannot both listen, and one file for two things. Each is an error at the second one. */
export function reportClashes(config: HclObject, report: HclReport): void {
  reportAddresses(config, report);
  reportFiles(config, report);
}

interface Place {
  readonly host: string;
  readonly port: number;
}

function reportAddresses(config: HclObject, report: HclReport): void {
  const taken: (Place & { readonly at: HclPosition })[] = [];
  for (const block of listenerBlocks(config)) {
    const place = listenerType(block) === 'tcp' ? placeOf(block.body) : undefined;
    if (place === undefined) continue;
    const first = taken.find((other) => clash(other, place));
    if (first !== undefined) {
      const at = block.body.attribute('address') ?? block;
      report(config.error(`the listener at ${hclPlace(first.at)} already has this address`, at));
    }
    taken.push({ ...place, at: block });
  }
}

function placeOf(body: HclObject): Place | undefined {
  const found = parseListenAddress(body.string('address') ?? DEFAULT_ADDRESS);
  // Port 0 is any that is free.
  if (found === undefined || found.port === 0) return undefined;
  // Brings IPv6 addresses to one spelling.
  const host = URL.parse(`http://${formatListenAddress(found)}`)?.hostname ?? found.host;
  return { host: host.toLowerCase(), port: found.port };
}

function clash(one: Place, other: Place): boolean {
  if (one.port !== other.port) return false;
  const hosts = [one.host, other.host];
  // All addresses of IPv6 are those of IPv4 too: nothing else asks for a socket of IPv6 alone.
  return one.host === other.host || hosts.includes('[::]') || (hosts.includes('0.0.0.0') && hosts.every(isIPv4));
}

function reportFiles(config: HclObject, report: HclReport): void {
  const taken = new Map<string, { readonly what: string; readonly at: HclPosition }>();
  for (const { what, path, at } of filesOf(config)) {
    const first = taken.get(resolve(path));
    if (first === undefined) taken.set(resolve(path), { what, at });
    else report(config.error(`${what} has the same path as ${first.what} at ${hclPlace(first.at)}`, at));
  }
}

/** What the server makes under a name of its own. A path that ends in a slash is that of a directory, for a file in it. */
function filesOf(config: HclObject): { readonly what: string; readonly path: string; readonly at: HclPosition }[] {
  const files = (['log_file', 'pid_file'] as const).map((name) => ({
    what: `"${name}"`,
    path: config.string(name) ?? '',
    at: config.attribute(name) ?? config,
  }));
  const [store] = config.blocks('storage', 1);
  const stores = (store === undefined ? [] : [store]).map((block) => ({
    what: 'the store',
    path: block.labels[0] === 'file' ? (block.body.string('path') ?? '') : '',
    at: block.body.attribute('path') ?? block,
  }));
  const sockets = listenerBlocks(config).map((block) => ({
    what: 'the socket of a listener',
    path: listenerType(block) === 'unix' ? (block.body.string('address') ?? DEFAULT_SOCKET) : '',
    at: block.body.attribute('address') ?? block,
  }));
  return [...files, ...stores, ...sockets].filter(({ path }) => path !== '' && !path.endsWith('/'));
}
