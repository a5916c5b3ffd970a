import { BlockList, isIP, SocketAddress } from 'node:net';
import { CofferError, oncePerObject } from '@coffer/base';

/** The most networks that one list may have. */
const MAX_CIDRS = 256;
/** How much of an address or network an error shows, in characters. */
const SHOWN_LENGTH = 64;

/**
 * Addresses and networks in the form that is stored (RFC 5952): a single address becomes a network of one, and an IPv4
 * address in IPv6's form becomes one of IPv4.
 * @throws CofferError `invalid-request` naming `field` for what is neither, and for too many
 */
export function parseCidrs(given: readonly string[], field: string): string[] {
  if (given.length > MAX_CIDRS) {
    throw new CofferError(
      'invalid-request',
      `field "${field}" has ${given.length} networks; the maximum is ${MAX_CIDRS}`,
    );
  }
  return given.map((text) => {
    const [address = '', prefix, ...rest] = text.trim().split('/');
    const family = isIP(address);
    const longest = family === 4 ? 32 : 128;
    const length = prefix === undefined ? longest : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
    // A zone (`%eth0`) means something only on one machine.
    if (family === 0 || rest.length > 0 || !(length <= longest) || address.includes('%')) {
      throw new CofferError(
        'invalid-request',
        `field "${field}": ${JSON.stringify(text.slice(0, SHOWN_LENGTH))} is not an address or network; use a form like "10.0.0.0/8"`,
      );
    }
    return canonicalCidr(address, length);
  });
}

function canonicalCidr(address: string, length: number): string {
  const canonical = new SocketAddress({ address, family: familyOf(address) }).address;
  const mapped = length >= 96 ? /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(canonical)?.[1] : undefined;
  return mapped === undefined ? `${canonical}/${length}` : `${mapped}/${length - 96}`;
}

/** The texts as they were given, where {@link parseCidrs} takes them. */
export function checkCidrs(given: readonly string[], field: string): string[] {
  parseCidrs(given, field);
  return given.map((text) => text.trim());
}

/** The form of {@link parseCidrs} for texts that {@link checkCidrs} has let through. */
export const canonicalCidrs = oncePerObject((texts: readonly string[]) => parseCidrs(texts, 'networks'));

/**
 * As they are shown of tokens, and of what gives them: of a single address without its length
 * (`String` of IPv4Addr and IPv6Addr in github.com/hashicorp/go-sockaddr).
 */
export function shownCidrs(cidrs: readonly string[]): string[] {
  return cidrs.map((cidr) => cidr.replace(cidr.includes(':') ? /\/128$/ : /\/32$/, ''));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

/**
 * Whether `address` lies in one of `cidrs` (in the form of {@link parseCidrs}). An empty list allows every address. No IPv6
 * network holds an IPv4 address, not even `::/0` (github.com/hashicorp/go-sockaddr); for Node's BlockList that one does.
 */
export function cidrsAllow(cidrs: readonly string[], address: string): boolean {
  if (cidrs.length === 0) return true;
  // Without the zone of a link-local address (`fe80::1%eth0`).
  const [bare = ''] = address.split('%', 1);
  if (isIP(bare) === 0) return false;
  const [plain = ''] = canonicalCidr(bare, isIP(bare) === 4 ? 32 : 128).split('/');
  return networksOf(cidrs)[familyOf(plain)].check(plain, familyOf(plain));
}

type Networks = Readonly<Record<'ipv4' | 'ipv6', BlockList>>;

const networksOf = oncePerObject((cidrs: readonly string[]): Networks => {
  const networks = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const cidr of cidrs) {
    const [network = '', length] = cidr.split('/');
    const family = familyOf(network);
    networks[family].addSubnet(network, Number(length), family);
  }
  return networks;
});

/**
 * Whether whoever is bound to `cidrs` is bound to `outer` too. An empty list binds nobody: an empty `outer` holds everything,
 * and an empty list is not within one that binds.
 */
export function cidrsWithin(cidrs: readonly string[], outer: readonly string[]): boolean {
  if (outer.length === 0) return true;
  return cidrs.length > 0 && cidrs.every((cidr) => outer.some((other) => contains(other, cidr)));
}

/**
 * The addresses that both lists allow. Of two networks either one lies within the other or they have nothing in common, so
 * these are the smaller ones of all pairs. Undefined when both lists bind and no address is left: an empty one would allow all.
 */
export function commonCidrs(a: readonly string[], b: readonly string[]): readonly string[] | undefined {
  if (a.length === 0 || b.length === 0) return a.length === 0 ? b : a;
  const inner = (some: readonly string[], others: readonly string[]): string[] =>
    some.filter((cidr) => others.some((other) => contains(other, cidr)));
  const common = [...new Set([...inner(a, b), ...inner(b, a)])];
  return common.length > 0 ? common : undefined;
}

function contains(outer: string, inner: string): boolean {
  const [outerAddress = '', outerLength] = outer.split('/');
  const [innerAddress = '', innerLength] = inner.split('/');
  const narrower = familyOf(outerAddress) === familyOf(innerAddress) && Number(innerLength) >= Number(outerLength);
  return narrower && cidrsAllow([outer], innerAddress);
}

/**
 * What counts as one caller where callers share something: the address, and for IPv6 its /64, which is the least that
 * one site gets (RFC 6177).
 */
export function callerNetwork(address: string): string {
  if (!address.includes(':') && !address.includes('%')) return address;
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '').split('%', 1)[0] ?? '';
  if (isIP(plain) !== 6) return plain;
  const [head = '', tail] = plain.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [before, behind] = [groups(head), groups(tail ?? '')];
  // An address that ends in IPv4 notation has one group fewer, but only the first four groups are used.
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - behind.length);
  const all = [...before, ...Array<string>(zeros).fill('0'), ...behind];
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
