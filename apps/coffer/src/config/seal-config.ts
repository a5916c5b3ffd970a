import { Secret } from '@coffer/base';
import type { HclBlock, HclObject } from '@coffer/hcl';
import { defined } from './config-values.ts';

/** Where to find a static key: `file:///path` or `env://NAME`. */
export interface StaticKeySource {
  readonly id: string;
  readonly url: string;
}

export interface StaticSealConfig {
  readonly type: 'static';
  readonly current: StaticKeySource;
  readonly previous?: StaticKeySource;
}

/** What is absent may be in the environment. Names are Vault's; files are in PEM. */
export interface TransitSealConfig {
  readonly type: 'transit';
  readonly address?: string;
  readonly token?: Secret;
  readonly keyName?: string;
  readonly mountPath?: string;
  readonly namespace?: string;
  readonly keyIdPrefix?: string;
  readonly disableRenewal?: boolean;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly serverName?: string;
  readonly skipVerify?: boolean;
}

export type SealConfig = StaticSealConfig | TransitSealConfig;

export interface SealsConfig {
  /** Absent: key shares. */
  readonly seal?: SealConfig;
  /** The one with `disabled = "true"`, which the store is moved away from. */
  readonly formerSeal?: SealConfig;
}

/** @throws CofferError `invalid-request`: `FILE:LINE:COLUMN: what is wrong` */
export function parseSeals(config: HclObject): SealsConfig {
  const blocks = config.blocks('seal', 1);
  const isDisabled = ({ body }: HclBlock): boolean => body.boolean('disabled') === true;
  const seal = parseOnly(
    config,
    blocks.filter((block) => !isDisabled(block)),
  );
  const formerSeal = parseOnly(config, blocks.filter(isDisabled));
  return { ...defined('seal', seal), ...defined('formerSeal', formerSeal) };
}

function parseOnly(config: HclObject, [block, second]: readonly HclBlock[]): SealConfig | undefined {
  if (block === undefined) return undefined;
  if (second !== undefined) {
    throw config.error('"seal" is set twice; disabled = "true" marks the one to migrate from', second);
  }
  const { body, labels } = block;
  switch (labels[0]?.toLowerCase()) {
    case 'static':
      return parseStatic(block);
    case 'transit':
      return parseTransit(body);
    case 'shamir':
      body.allowOnly(['disabled']);
      if (body.boolean('disabled') !== true) return undefined;
      throw body.error('Shamir seals cannot be set disabled (they should simply not be set)', block);
    default:
      throw body.error(
        'the types of seal are "static" and "transit"; without a seal block, the server is unsealed with key shares',
        block,
      );
  }
}

function parseStatic(block: HclBlock): StaticSealConfig {
  const { body } = block;
  body.allowOnly(['disabled', 'current_key_id', 'current_key', 'previous_key_id', 'previous_key']);
  const current = parseKeySource(body, 'current');
  if (current === undefined) throw body.error('seal "static" needs "current_key_id" and "current_key"', block);
  const previous = parseKeySource(body, 'previous');
  return { type: 'static', current, ...(previous && { previous }) };
}

function parseKeySource(body: HclObject, which: 'current' | 'previous'): StaticKeySource | undefined {
  const id = body.string(`${which}_key_id`);
  const url = body.string(`${which}_key`);
  if (id === undefined && url === undefined) return undefined;
  if (!id || !url) throw body.error(`"${which}_key_id" and "${which}_key" must be set together`);
  if (!/^(file:\/\/\/.|env:\/\/.)/.test(url)) {
    throw body.error(`"${which}_key" must be "file:///PATH" or "env://NAME"`, body.attribute(`${which}_key`));
  }
  return { id, url };
}

const TRANSIT_TEXTS = {
  address: 'address',
  key_name: 'keyName',
  mount_path: 'mountPath',
  namespace: 'namespace',
  key_id_prefix: 'keyIdPrefix',
  tls_ca_cert: 'caFile',
  tls_client_cert: 'certFile',
  tls_client_key: 'keyFile',
  tls_server_name: 'serverName',
} as const;

function parseTransit(body: HclObject): TransitSealConfig {
  body.allowOnly([...Object.keys(TRANSIT_TEXTS), 'disabled', 'token', 'disable_renewal', 'tls_skip_verify']);
  const texts: { -readonly [K in (typeof TRANSIT_TEXTS)[keyof typeof TRANSIT_TEXTS]]?: string } = {};
  for (const [key, name] of Object.entries(TRANSIT_TEXTS)) {
    const text = body.string(key);
    if (text) texts[name] = text;
  }
  const token = body.string('token');
  if ((body.string('tls_client_cert') === undefined) !== (body.string('tls_client_key') === undefined)) {
    throw body.error('"tls_client_cert" and "tls_client_key" must be set together');
  }
  return {
    type: 'transit',
    ...texts,
    ...(token && { token: new Secret(token) }),
    ...defined('disableRenewal', body.boolean('disable_renewal')),
    ...defined('skipVerify', body.boolean('tls_skip_verify')),
  };
}
