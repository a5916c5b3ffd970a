import { isIP } from 'node:net';
import { CofferError } from '@coffer/base';
import { cidrsAllow } from '@coffer/framework';
import { clientCertificates } from './client-certificates.ts';
import { decodeCertificateHeader, type ForwardedCertificates } from './forwarded-certificates.ts';
import type { EdgeRequest } from './message.ts';

/** Whose word is taken for where a request comes from, by Vault's `x_forwarded_for_*`. */
export interface ForwardedForRules {
  /** Networks of the proxies (in the form of parseCidrs); at least one. */
  readonly authorized: readonly string[];
  /** How many addresses at the end of X-Forwarded-For belong to proxies as well. */
  readonly hopSkips: number;
  readonly rejectNotPresent: boolean;
  readonly rejectNotAuthorized: boolean;
  /** Where a proxy that ends TLS passes on the client's certificate. */
  readonly certificates?: ForwardedCertificates;
}

/** Where a request comes from, and what its client has proven. */
export interface Origin {
  readonly remoteAddress: string;
  readonly remotePort?: number;
  readonly clientCertificates?: readonly Uint8Array[];
}

/**
 * The client of a request: the other end of the connection, or who a trusted proxy says it is
 * (hashicorp/vault:http/handler.go WrapForwardedForHandler, and its texts).
 *
 * @throws CofferError `invalid-request` for a request that must come through a proxy and did not, or that claims to have
 */
export function originOf(request: EdgeRequest, rules: ForwardedForRules | undefined): Origin {
  const { remoteAddress = '', remotePort } = request.socket;
  const certificates = clientCertificates(request);
  const direct = {
    remoteAddress: plain(remoteAddress),
    ...(remotePort !== undefined && { remotePort }),
    ...(certificates && { clientCertificates: certificates }),
  };
  if (rules === undefined) return direct;
  const values = valuesOf(request, 'x-forwarded-for');
  if (values.every((value) => value === '')) {
    if (!rules.rejectNotPresent) return direct;
    throw invalid('missing x-forwarded-for header and configured to reject when not present');
  }
  if (!cidrsAllow(rules.authorized, direct.remoteAddress)) {
    if (!rules.rejectNotAuthorized) return direct;
    throw invalid('client address not authorized for x-forwarded-for and configured to reject connection');
  }
  const claimed = values.at(-1 - rules.hopSkips);
  if (claimed === undefined) {
    throw invalid(
      `malformed x-forwarded-for configuration or request, hops to skip (${rules.hopSkips}) would skip before earliest chain link (chain length ${values.length})`,
    );
  }
  const forwarded = { ...direct, remoteAddress: addressIn(claimed) };
  if (rules.certificates === undefined) return forwarded;
  const passedOn = decodeCertificateHeader(valuesOf(request, rules.certificates.header), rules.certificates.decoders);
  // What the proxy says of its client takes the place of what it has shown of itself.
  return { ...forwarded, clientCertificates: passedOn };
}

/** All values of a header, however many times it was sent, split at their commas. */
function valuesOf(request: EdgeRequest, wanted: string): string[] {
  const { rawHeaders } = request;
  const values = rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === wanted);
  return values.flatMap((value) => value.split(',')).map((value) => value.trim());
}

/** Some proxies add the port. */
function addressIn(claimed: string): string {
  const [, bracketed, bare] = /^(?:\[([^\]]*)\]|(\d+\.\d+\.\d+\.\d+))(?::\d{1,5})?$/.exec(claimed) ?? [];
  const address = plain(bracketed ?? bare ?? claimed);
  if (isIP(address) !== 0) return address;
  throw invalid('malformed x-forwarded-for request: what stands for the client is not an IP address');
}

/** IPv4 in IPv6's form is the IPv4 address that it stands for. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}

function invalid(message: string): CofferError {
  return new CofferError('invalid-request', message);
}
