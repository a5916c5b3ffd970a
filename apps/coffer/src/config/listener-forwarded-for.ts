import { CofferError } from '@coffer/base';
import { parseCidrs } from '@coffer/framework';
import type { HclObject } from '@coffer/hcl';
import { CERTIFICATE_DECODERS, type ForwardedForRules } from '@coffer/http';
import { defined } from './config-values.ts';

/** Vault's `x_forwarded_for_*`. @throws CofferError `invalid-request`: `FILE:LINE:COLUMN: what is wrong` */
export function parseForwardedFor(body: HclObject): ForwardedForRules | undefined {
  const authorized = parseNetworks(body, 'x_forwarded_for_authorized_addrs');
  const certificates = parseCertificates(body);
  if (authorized === undefined) {
    if (certificates === undefined) return undefined;
    throw body.error(
      'x_forwarded_for_authorized_addrs is not set, so forwarding is not enabled but x_forwarded_for_client_cert_header was set',
      body.attribute('x_forwarded_for_client_cert_header'),
    );
  }
  const hopSkips = body.number('x_forwarded_for_hop_skips') ?? 0;
  if (!Number.isInteger(hopSkips) || hopSkips < 0) {
    throw body.error(
      `x_forwarded_for_hop_skips cannot be negative but set to ${hopSkips}`,
      body.attribute('x_forwarded_for_hop_skips'),
    );
  }
  return {
    authorized,
    hopSkips,
    rejectNotPresent: body.boolean('x_forwarded_for_reject_not_present') ?? true,
    rejectNotAuthorized: body.boolean('x_forwarded_for_reject_not_authorized') ?? true,
    ...defined('certificates', certificates),
  };
}

function parseNetworks(body: HclObject, key: string): readonly string[] | undefined {
  const given = body.strings(key);
  if (given === undefined) return undefined;
  const networks = given.flatMap((text) => text.split(',')).map((text) => text.trim());
  try {
    if (networks.some((text) => text !== '')) return parseCidrs(networks, key);
  } catch (error) {
    throw body.error(`error parsing ${CofferError.from(error).message}`, body.attribute(key));
  }
  throw body.error(`"${key}" must name at least one address or network`, body.attribute(key));
}

function parseCertificates(body: HclObject): ForwardedForRules['certificates'] {
  const key = 'x_forwarded_for_client_cert_header';
  const header = body.string(key) ?? '';
  const names = (body.string(`${key}_decoders`) ?? '').split(',').map((name) => name.trim().toUpperCase());
  const given = names.filter((name) => name !== '');
  const at = body.attribute(`${key}_decoders`) ?? body.attribute(key);
  if (header === '') {
    if (given.length === 0) return undefined;
    throw body.error(`${key}_decoders was set, but no ${key} was set to be decoded`, at);
  }
  if (!/^[\w-]+$/.test(header)) throw body.error(`"${key}" must be the name of a header`, at);
  if (given.length === 0) {
    throw body.error(`${key} was set, but no ${key}_decoders were set to decode that header`, at);
  }
  if (given.includes('DER') && given.at(-1) !== 'DER') {
    throw body.error(
      `${key}_decoders DER decoder actually decodes PEM into DER, and therefore can only function as the final decoder`,
      at,
    );
  }
  const decoders = given.map((name) => {
    const found = CERTIFICATE_DECODERS.find((each) => each === name);
    if (found !== undefined) return found;
    throw body.error(`"${key}_decoders" may contain ${CERTIFICATE_DECODERS.join(', ')}`, at);
  });
  return { header: header.toLowerCase(), decoders };
}
