import type { UnauthenticatedAccess } from '@coffer/framework';
import type { HclBlock, HclObject } from '@coffer/hcl';
import { type ListenAddress, parseListenAddress } from '../listen-address.ts';
import { defined, parseMaxRequestMs } from './config-values.ts';

export interface ListenerConfig extends ListenAddress {
  /** Files in PEM; absent for plain HTTP. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  /** The longest that a client is kept waiting, in milliseconds; the edge's default when absent. */
  readonly maxRequestMs?: number;
  /** What it serves without a token; none by default. */
  readonly unauthenticatedAccess?: readonly UnauthenticatedAccess[];
}

/** @throws CofferError `invalid-request`: `FILE:LINE:COLUMN: what is wrong` */
export function parseListeners(config: HclObject): ListenerConfig[] {
  const maxRequestMs = parseMaxRequestMs(config, 'default_max_request_duration');
  const openEverywhere = parseUnauthenticatedAccess(config);
  const listeners = config
    .blocks('listener', 1)
    .map((block) => ({ ...defined('maxRequestMs', maxRequestMs), ...parseListener(block, openEverywhere) }));
  if (listeners.length > 0) return listeners;
  throw config.error('a block listener "tcp" { address = "127.0.0.1:8200" … } is missing');
}

const GROUPS: readonly UnauthenticatedAccess[] = ['rekey', 'generate-root'];

/** Vault's key. @throws CofferError `invalid-request` for a group of paths that cannot be opened */
function parseUnauthenticatedAccess(config: HclObject): readonly UnauthenticatedAccess[] {
  const name = 'enable_unauthenticated_access';
  return (config.strings(name) ?? []).map((group) => {
    const found = GROUPS.find((each) => each === group);
    if (found !== undefined) return found;
    throw config.error(
      `"${name}" may hold ${GROUPS.map((each) => JSON.stringify(each)).join(' and ')}`,
      config.attribute(name),
    );
  });
}

/** OpenBao's keys, which say the same for a single listener. */
const DISABLED_BY: Readonly<Record<string, UnauthenticatedAccess>> = {
  disable_unauthed_rekey_endpoints: 'rekey',
  disable_unauthed_generate_root_endpoints: 'generate-root',
};

function parseListener(block: HclBlock, openEverywhere: readonly UnauthenticatedAccess[]): ListenerConfig {
  const { body } = block;
  if (block.labels[0] !== 'tcp') throw body.error('the only type of listener is "tcp"', block);
  body.allowOnly([
    'address',
    'tls_disable',
    'tls_cert_file',
    'tls_key_file',
    'max_request_duration',
    ...Object.keys(DISABLED_BY),
  ]);
  const address = body.string('address') ?? '127.0.0.1:8200';
  const found = parseListenAddress(address);
  if (found === undefined) {
    throw body.error('"address" must be HOST:PORT, as in "127.0.0.1:8200"', body.attribute('address'));
  }
  const openHere = Object.entries(DISABLED_BY).flatMap(([key, group]) => (body.boolean(key) === false ? [group] : []));
  const open = [...new Set([...openEverywhere, ...openHere])];
  const parsed = { ...found, ...(open.length > 0 && { unauthenticatedAccess: open }) };
  const certFile = body.string('tls_cert_file');
  const keyFile = body.string('tls_key_file');
  const listener = { ...parsed, ...defined('maxRequestMs', parseMaxRequestMs(body, 'max_request_duration')) };
  if (parseTlsDisable(body)) return listener;
  if (certFile === undefined || keyFile === undefined) {
    throw body.error('give "tls_cert_file" and "tls_key_file", or "tls_disable = true" for plain HTTP', block);
  }
  return { ...listener, tls: { certFile, keyFile } };
}

/** Vault also takes 1 and 0 here, and its documentation uses them. */
function parseTlsDisable(body: HclObject): boolean {
  const value = body.attribute('tls_disable');
  if (value?.kind === 'number' && (value.value === 0 || value.value === 1)) return value.value === 1;
  if (value?.kind === 'string' && /^[01]$/.test(value.value)) return value.value === '1';
  return body.boolean('tls_disable') ?? false;
}
