import { CofferError, type JsonObject } from '@coffer/base';
import { parseCidrs, shownCidrs } from './cidr.ts';
import type { FieldValues } from './fields.ts';
import { checkNames, policyName } from './names.ts';
import { boolean, entry, integer, optional, string, strings } from './stored.ts';
import { UNASSIGNABLE_POLICIES } from './token-entry.ts';

/** The fields that roles and users of every auth method share (hashicorp/vault:sdk/helper/tokenutil/tokenutil.go). */
export const TOKEN_FIELDS = {
  token_policies: {
    type: 'comma-strings',
    policies: true,
    description: 'Policies of the tokens, in addition to default.',
  },
  token_ttl: { type: 'duration', description: "TTL of the tokens; the mount's when 0." },
  token_max_ttl: { type: 'duration', description: "Maximum TTL, including renewals; the mount's when 0." },
  token_explicit_max_ttl: { type: 'duration', description: 'A maximum that bounds periodic tokens too.' },
  token_period: {
    type: 'duration',
    description: 'Makes the tokens periodic: each renewal resets the TTL to this period, without a maximum.',
  },
  token_num_uses: { type: 'integer', description: 'Number of times that a token may be used. 0: no limit.' },
  token_no_default_policy: { type: 'boolean', description: 'Do not add the default policy.' },
  token_bound_cidrs: { type: 'comma-strings', description: 'Networks from which the tokens may be used.' },
  token_strictly_bind_ip: { type: 'boolean', description: 'Binds each token to the address that logged in.' },
  token_type: {
    type: 'string',
    description: '"service", "batch", or "default" for the type that the mount is tuned to.',
  },
} as const;

/** What some of them were called before; each method takes those that it has had. */
export const OLDER_TOKEN_FIELDS = {
  policies: { type: 'comma-strings', policies: true, description: 'Older spelling of token_policies.' },
  ttl: { type: 'duration', description: 'Older spelling of token_ttl.' },
  max_ttl: { type: 'duration', description: 'Older spelling of token_max_ttl.' },
  period: { type: 'duration', description: 'Older spelling of token_period.' },
  num_uses: { type: 'integer', description: 'Older spelling of token_num_uses.' },
  bound_cidrs: { type: 'comma-strings', description: 'Older spelling of token_bound_cidrs.' },
} as const;

/** The settings of the tokens of a role or user. Durations are in seconds, 0 for "not set here". */
export interface TokenParameters {
  /** As they were written, which is how they are shown; a login folds them. */
  readonly policies: readonly string[];
  readonly ttl: number;
  readonly maxTtl: number;
  readonly explicitMaxTtl: number;
  readonly period: number;
  readonly numUses: number;
  readonly noDefaultPolicy: boolean;
  readonly boundCidrs: readonly string[];
  readonly strictlyBindIp: boolean;
  readonly type: string;
  /** The fields that were last written in their older spelling, by that: they are shown in it too. Absent for none. */
  readonly older?: readonly string[];
}

export const NEW_TOKEN_PARAMETERS: TokenParameters = {
  policies: [],
  ttl: 0,
  maxTtl: 0,
  explicitMaxTtl: 0,
  period: 0,
  numUses: 0,
  noDefaultPolicy: false,
  boundCidrs: [],
  strictlyBindIp: false,
  type: 'default',
};

export const STORED_TOKEN_PARAMETERS = entry<TokenParameters>({
  policies: strings(),
  ttl: integer(),
  maxTtl: integer(),
  explicitMaxTtl: integer(),
  period: integer(),
  numUses: integer(),
  noDefaultPolicy: boolean(),
  boundCidrs: strings(),
  strictlyBindIp: boolean(),
  type: string(),
  older: optional(strings()),
});

/** The most policies of a token, and globs of a role: each policy is matched with each glob. */
const MAX_POLICIES = 128;

const TYPES = ['default', 'service', 'batch', 'default-service', 'default-batch'];

type TokenFields = Partial<FieldValues<typeof TOKEN_FIELDS> & FieldValues<typeof OLDER_TOKEN_FIELDS>>;

/**
 * `previous`, changed as `given` says, where a newer spelling counts more than an older one.
 * @throws CofferError `invalid-request` naming the field
 */
export function changeTokenParameters(previous: TokenParameters, given: TokenFields): TokenParameters {
  const fields = inNewSpelling(given);
  const { token_policies: policies, token_bound_cidrs: cidrs } = fields;
  const changed: TokenParameters = {
    policies: policies === undefined ? previous.policies : assignable(policies, 'token_policies'),
    ttl: fields.token_ttl ?? previous.ttl,
    maxTtl: fields.token_max_ttl ?? previous.maxTtl,
    explicitMaxTtl: fields.token_explicit_max_ttl ?? previous.explicitMaxTtl,
    period: fields.token_period ?? previous.period,
    numUses: fields.token_num_uses ?? previous.numUses,
    noDefaultPolicy: fields.token_no_default_policy ?? previous.noDefaultPolicy,
    boundCidrs: cidrs === undefined ? previous.boundCidrs : parseCidrs(cidrs, 'token_bound_cidrs'),
    strictlyBindIp: fields.token_strictly_bind_ip ?? previous.strictlyBindIp,
    type: fields.token_type ?? previous.type,
    ...olderSpellings(previous, given),
  };
  checkParameters(changed);
  return changed;
}

const OLDER_NAMES = Object.keys(OLDER_TOKEN_FIELDS) as (keyof typeof OLDER_TOKEN_FIELDS)[];

function inNewSpelling(fields: TokenFields): TokenFields {
  const older: TokenFields = Object.fromEntries(
    OLDER_NAMES.map((name) => [`token_${name}`, fields[`token_${name}`] ?? fields[name]]),
  );
  return { ...fields, ...older };
}

/** hashicorp/vault:sdk/helper/tokenutil/tokenutil.go UpgradeValue */
function olderSpellings(previous: TokenParameters, fields: TokenFields): Pick<TokenParameters, 'older'> {
  const isOlder = (name: (typeof OLDER_NAMES)[number]): boolean =>
    fields[name] !== undefined || (fields[`token_${name}`] === undefined && previous.older?.includes(name) === true);
  const older = OLDER_NAMES.filter(isOlder);
  return older.length > 0 ? { older } : {};
}

function checkParameters({ ttl, maxTtl, numUses, period, type }: TokenParameters): void {
  if (numUses < 0) throw new CofferError('invalid-request', "'token_num_uses' cannot be negative");
  if (maxTtl > 0 && ttl > maxTtl) {
    throw new CofferError('invalid-request', "'token_ttl' cannot be greater than 'token_max_ttl'");
  }
  if (type !== '' && !TYPES.includes(type)) {
    throw new CofferError(
      'invalid-request',
      `invalid 'token_type' value ${JSON.stringify(type.slice(0, 100))}; use one of ${TYPES.join(', ')}`,
    );
  }
  if (!type.endsWith('batch')) return;
  const cannot = "'token_type' cannot be 'batch' or 'default_batch' when set to generate";
  if (period > 0) throw new CofferError('invalid-request', `${cannot} periodic tokens`);
  if (numUses > 0) throw new CofferError('invalid-request', `${cannot} tokens with limited use count`);
}

/**
 * Policy names as they are stored: in lower case, sorted, each once.
 * @throws CofferError `invalid-request` for one that the server reserves for itself, and for too many or too long names
 */
export function checkPolicies(names: readonly string[], field = 'policies', most = MAX_POLICIES): string[] {
  return foldPolicies(assignable(names, field, most));
}

/** In lower case, sorted, each once. */
export function foldPolicies(names: readonly string[]): string[] {
  return [...new Set(names.map(policyName).filter((name) => name !== ''))].sort();
}

function assignable(names: readonly string[], field: string, most = MAX_POLICIES): readonly string[] {
  const reserved = checkNames(names, field, most).find((name) => UNASSIGNABLE_POLICIES.includes(policyName(name)));
  if (reserved === undefined) return names;
  throw new CofferError('invalid-request', `cannot assign policy ${JSON.stringify(policyName(reserved))}`);
}

/** The parameters as they are shown for a role or user. */
export function tokenParametersView(parameters: TokenParameters): JsonObject {
  const view: JsonObject = {
    token_bound_cidrs: shownCidrs(parameters.boundCidrs),
    token_explicit_max_ttl: parameters.explicitMaxTtl,
    token_max_ttl: parameters.maxTtl,
    token_no_default_policy: parameters.noDefaultPolicy,
    token_num_uses: parameters.numUses,
    token_period: parameters.period,
    token_policies: parameters.policies,
    token_strictly_bind_ip: parameters.strictlyBindIp,
    token_ttl: parameters.ttl,
    token_type: parameters.type || 'default',
  };
  const older = (parameters.older ?? []).map((name) => [name, view[`token_${name}`] ?? 0] as const);
  return { ...view, ...Object.fromEntries(older.filter(([, value]) => value !== 0 && !isEmptyList(value))) };
}

function isEmptyList(value: JsonObject[string]): boolean {
  return Array.isArray(value) && value.length === 0;
}
