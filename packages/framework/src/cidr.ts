import { BlockList, isIP, SocketAddress } from 'node:net';
import { CofferError } from '@coffer/base';

/** Networks in one list. */
const MAX_CIDRS = 256;
/** Longest address or network that is shown in an error. */
const SHOWN_LENGTH = 64;

/**
 * Addresses and networks in the one form that is kept (RFC 5952): a single address becomes a network of one, an IPv4 address
 * in IPv6's form one of IPv4.
 * @throws CofferError `invalid-request` naming `field` for what is neither, and for too many
 */
export function parseCidrs(given: readonly string[], field: string): string[] {
  if (given.length > MAX_CIDRS) {
    throw new CofferError(
      'invalid-request',
      `field "${field}" has ${given.length} networks; at most ${MAX_CIDRS} are taken`,
    );
  }
  return given.map((text) => {
    const [address = '', prefix, ...rest] = text.trim().split('/');
    const family = isIP(address);
    const longest = family === 4 ? 32 : 128;
    const length = prefix === undefined ? longest : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
    // A zone (`%eth0`) means something on one machine only.
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

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

/**
 * Whether `address` lies in one of `cidrs` (as {@link parseCidrs} gives them). An empty list allows every address. No network
 * of IPv6 holds an IPv4 address, not even `::/0` (github.com/hashicorp/go-sockaddr), where Node's BlockList finds it.
 */
export function cidrsAllow(cidrs: readonly string[], address: string): boolean {
  if (cidrs.length === 0) return true;
  // Without the zone of a link-local address (`fe80::1%eth0`).
  const [bare = ''] = address.split('%', 1);
  if (isIP(bare) === 0) return false;
  const [plain = ''] = canonicalCidr(bare, isIP(bare) === 4 ? 32 : 128).split('/');
  const networks = new BlockList();
  for (const cidr of cidrs) {
    const [network = '', length] = cidr.split('/');
    if (isIP(network) === isIP(plain)) networks.addSubnet(network, Number(length), familyOf(network));
  }
  return networks.check(plain, familyOf(plain));
}

/**
 * Whether whoever is bound to `cidrs` is bound to `outer` too. Nobody is bound to an empty list: an empty `outer` holds
 * everything, and what is bound to nothing is not within a list that binds.
 */
export function cidrsWithin(cidrs: readonly string[], outer: readonly string[]): boolean {
  if (outer.length === 0) return true;
  return cidrs.length > 0 && cidrs.every((cidr) => outer.some((other) => contains(other, cidr)));
}

/**
 * The addresses that both lists allow. Two networks either lie within one another or have nothing in common, so that these
 * are the smaller ones of all pairs. Undefined when both bind and no address is left: an empty list would allow every one.
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
 * one host gets (RFC 6177).
 */
export function callerNetwork(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '').split('%', 1)[0] ?? '';
  if (isIP(plain) !== 6) return plain;
  const [head = '', tail] = plain.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [before, behind] = [groups(head), groups(tail ?? '')];
  // An address whose end is written as IPv4 has one group less; what is cut off here does not reach that far.
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - behind.length);
  const all = [...before, ...Array<string>(zeros).fill('0'), ...behind];
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
