import { BlockList, isIP } from 'node:net';
import { CofferError } from '@coffer/base';

/**
 * Addresses and networks in the form that is kept: a single address becomes a network of one.
 * @throws CofferError `invalid-request` naming `field` for what is neither
 */
export function parseCidrs(given: readonly string[], field: string): string[] {
  return given.map((text) => {
    const [address = '', prefix, ...rest] = text.trim().split('/');
    const family = isIP(address);
    const longest = family === 4 ? 32 : 128;
    const length = prefix === undefined ? longest : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
    if (family === 0 || rest.length > 0 || !(length <= longest)) {
      throw new CofferError(
        'invalid-request',
        `field "${field}": ${JSON.stringify(text)} is not an address or network; use a form like "10.0.0.0/8"`,
      );
    }
    return `${address}/${length}`;
  });
}

/** Whether `address` lies in one of `cidrs` (as {@link parseCidrs} gives them). An empty list allows every address. */
export function cidrsAllow(cidrs: readonly string[], address: string): boolean {
  if (cidrs.length === 0) return true;
  const family = isIP(address);
  if (family === 0) return false;
  const networks = new BlockList();
  for (const cidr of cidrs) {
    const [network = '', length] = cidr.split('/');
    networks.addSubnet(network, Number(length), isIP(network) === 6 ? 'ipv6' : 'ipv4');
  }
  return networks.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/**
 * What counts as one caller where callers share something: the address, and for IPv6 its /64, which is the least that
 * one host gets (RFC 6177).
 */
export function callerNetwork(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, '');
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
