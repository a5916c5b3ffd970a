import type { HclBlock, HclObject } from '@coffer/hcl';
import type { TlsRules } from '@coffer/http';
import { defined } from './config-values.ts';

export interface ListenerTls {
  /** Files in PEM; absent for plain HTTP. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string; readonly clientCaFile?: string };
  readonly tlsRules?: TlsRules;
}

/** What a listener says of TLS. @throws CofferError `invalid-request`: `FILE:LINE:COLUMN: what is wrong` */
export function parseListenerTls(block: HclBlock): ListenerTls {
  const { body } = block;
  const tlsRules = parseRules(body);
  if (body.boolean('tls_disable') ?? false) {
    if (tlsRules?.clientCertificates !== 'require') return {};
    throw body.error('"tls_require_and_verify_client_cert" needs TLS: "tls_disable" is set', block);
  }
  const certFile = body.string('tls_cert_file');
  const keyFile = body.string('tls_key_file');
  if (certFile === undefined || keyFile === undefined) {
    throw body.error('set "tls_cert_file" and "tls_key_file", or "tls_disable = true" for plain HTTP', block);
  }
  const isChecked = tlsRules?.clientCertificates === 'require';
  const clientCaFile = isChecked ? body.string('tls_client_ca_file') || undefined : undefined;
  return { tls: { certFile, keyFile, ...defined('clientCaFile', clientCaFile) }, ...defined('tlsRules', tlsRules) };
}

function parseRules(body: HclObject): TlsRules | undefined {
  const rules = {
    ...defined('minVersion', parseVersion(body, 'tls_min_version')),
    ...defined('maxVersion', parseVersion(body, 'tls_max_version')),
    ...defined('ciphers', parseCiphers(body)),
    ...defined('groups', parseGroups(body)),
    ...defined('clientCertificates', parseClientCertificates(body)),
  };
  if (rules.minVersion === 'TLSv1.3' && rules.maxVersion === 'TLSv1.2') {
    throw body.error(
      "'tls_max_version' must be greater than or equal to 'tls_min_version'",
      body.attribute('tls_max_version'),
    );
  }
  return Object.keys(rules).length === 0 ? undefined : rules;
}

function parseClientCertificates(body: HclObject): 'require' | 'none' | undefined {
  const required = body.boolean('tls_require_and_verify_client_cert');
  const disabled = body.boolean('tls_disable_client_certs');
  if (required && disabled) {
    throw body.error(
      "'tls_disable_client_certs' and 'tls_require_and_verify_client_cert' are mutually exclusive",
      body.attribute('tls_disable_client_certs'),
    );
  }
  return required ? 'require' : disabled ? 'none' : undefined;
}

const VERSIONS = { tls12: 'TLSv1.2', tls13: 'TLSv1.3' } as const;

function parseVersion(body: HclObject, key: string): 'TLSv1.2' | 'TLSv1.3' | undefined {
  const text = body.string(key) ?? '';
  if (text === '') return undefined;
  if (text === 'tls12' || text === 'tls13') return VERSIONS[text];
  const [value, at] = [JSON.stringify(text), body.attribute(key)];
  if (text === 'tls10' || text === 'tls11') {
    throw body.error(
      `'${key}' value ${value} not supported: TLS 1.0 and 1.1 are broken, please specify tls12 or tls13`,
      at,
    );
  }
  throw body.error(`'${key}' value ${value} not supported, please specify one of [tls12,tls13]`, at);
}

/** Those of TLS 1.3 are always offered, as by Go, which asks nobody. */
const TLS_13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

/** IANA's names, which Vault takes, and OpenSSL's. With a key exchange that keeps past traffic secret only. */
const CIPHERS: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
};

function parseCiphers(body: HclObject): readonly string[] | undefined {
  const key = 'tls_cipher_suites';
  const names = (body.string(key) ?? '').split(',').map((name) => name.trim());
  const given = names.filter((name) => name !== '');
  if (given.length === 0) return undefined;
  const older = given
    .filter((name) => !TLS_13.includes(name))
    .map((name) => {
      const found = CIPHERS[name];
      if (found !== undefined) return found;
      throw body.error(
        `invalid value for '${key}': unsupported cipher ${JSON.stringify(name)}; supported are ${Object.keys(CIPHERS).join(', ')}`,
        body.attribute(key),
      );
    });
  return [...TLS_13, ...older];
}

/** Go's names, which OpenBao takes, and OpenSSL's. */
const GROUPS: Readonly<Record<string, string>> = {
  CurveP256: 'P-256',
  CurveP384: 'P-384',
  CurveP521: 'P-521',
  X25519: 'X25519',
  X25519MLKEM768: 'X25519MLKEM768',
  SecP256r1MLKEM768: 'SecP256r1MLKEM768',
  SecP384r1MLKEM1024: 'SecP384r1MLKEM1024',
};

function parseGroups(body: HclObject): readonly string[] | undefined {
  const key = 'tls_key_exchange_preferences';
  const given = body.strings(key) ?? [];
  if (given.length === 0) return undefined;
  return given.map((name) => {
    const found = GROUPS[name];
    if (found !== undefined) return found;
    throw body.error(
      `'${key}' value ${JSON.stringify(name)} not supported, please select from ${Object.keys(GROUPS).join(', ')}`,
      body.attribute(key),
    );
  });
}
