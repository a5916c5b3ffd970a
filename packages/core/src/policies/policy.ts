import { CofferError } from '@coffer/base';
import { type HclObject, type HclValue, parseHcl } from '@coffer/hcl';
import type { ParameterRules } from './acl-parameters.ts';
import { parameterRules, stringList, text, wrappingTtl } from './policy-values.ts';

export const CAPABILITIES = [
  'create',
  'read',
  'update',
  'delete',
  'list',
  'sudo',
  'deny',
  'patch',
  'subscribe',
  'recover',
] as const;
export type Capability = (typeof CAPABILITIES)[number];

/** One `path "..." { }` block. */
export interface PathRule {
  /** The policy that it stands in; absent while that has no name. */
  readonly policy?: string;
  /** Without leading slash. May hold `+` for one segment and a trailing `*`. With {@link templated}, as it is written. */
  readonly path: string;
  /** There is `{{…}}` in the path, which is filled in from whom a token stands for. */
  readonly templated?: true;
  /** `deny` stands alone: such a rule has neither parameters nor wrapping TTLs. */
  readonly capabilities: ReadonlySet<Capability>;
  readonly allowedParameters: ParameterRules;
  readonly deniedParameters: ParameterRules;
  readonly requiredParameters: readonly string[];
  /** Nanoseconds; 0 when not set. With either, requests must ask for wrapped answers. */
  readonly minWrappingTtl: bigint;
  readonly maxWrappingTtl: bigint;
}

const NOTHING_ELSE = {
  allowedParameters: new Map(),
  deniedParameters: new Map(),
  requiredParameters: [],
  minWrappingTtl: 0n,
  maxWrappingTtl: 0n,
} as const;

/** Vault's storage takes entries of at most 1 MiB; nobody writes a tenth of that by hand. */
export const MAX_POLICY_BYTES = 1024 * 1024;
export const MAX_PATH_RULES = 10_000;

/** Older policies say `policy = "write"` instead of capabilities (hashicorp/vault:vault/policy.go). */
const SHORTHANDS: ReadonlyMap<string, readonly Capability[]> = new Map([
  ['deny', ['deny']],
  ['read', ['read', 'list']],
  ['write', ['create', 'read', 'update', 'delete', 'list']],
  ['sudo', ['create', 'read', 'update', 'delete', 'list', 'sudo']],
]);

/** `mfa_methods`, `control_group` and `subscribe_event_types` are accepted and, as in Vault's community edition, not acted on. */
const RULE_KEYS = [
  'capabilities',
  'policy',
  'comment',
  'allowed_parameters',
  'denied_parameters',
  'required_parameters',
  'min_wrapping_ttl',
  'max_wrapping_ttl',
  'mfa_methods',
  'control_group',
  'subscribe_event_types',
];

/**
 * Parses an ACL policy, HCL or JSON, as hashicorp/vault:vault/policy.go does.
 *
 * @throws CofferError `invalid-request`, `failed to parse policy: LINE:COLUMN: message`
 */
export function parsePolicy(source: string): PathRule[] {
  const bytes = Buffer.byteLength(source);
  if (bytes > MAX_POLICY_BYTES) {
    throw refusal(`it has ${bytes} bytes; a policy may have ${MAX_POLICY_BYTES} at most: split it into several`);
  }
  try {
    const root = parseHcl(source, '', { omissions: 'refuse' });
    root.allowOnly(['path', 'name']);
    text(root, 'name');
    const items = root.items.filter(({ keys }) => keys[0] === 'path');
    if (items.length > MAX_PATH_RULES) {
      throw root.error(
        `there are ${items.length} paths; a policy may have ${MAX_PATH_RULES} at most: split it into several`,
      );
    }
    return items.map(({ keys, value }): PathRule => {
      // A block without a label is a rule for "path"; of several labels, the first counts.
      const label = keys[1] ?? 'path';
      if (value.kind !== 'object') throw root.error(`path "${label}" must be a block { … }`, value);
      const rule = parseRule(label, value);
      return hasTemplating(label, value) ? { ...rule, path: label, templated: true } : rule;
    });
  } catch (error) {
    if (!(error instanceof CofferError)) throw error;
    throw refusal(error.message, error);
  }
}

function refusal(message: string, cause?: CofferError): CofferError {
  return new CofferError('invalid-request', `failed to parse policy: ${message}`, cause && { cause });
}

/** hashicorp/vault:sdk/helper/identitytpl: each `{{` is followed by one `}}` before the next, and none stands alone. */
function hasTemplating(label: string, body: HclObject): boolean {
  const [before = '', ...pieces] = label.split('{{');
  if (before.includes('}}') || pieces.some((piece) => piece.split('}}').length !== 2)) {
    throw body.error(`path "${label}": the {{ and }} in it are not balanced`);
  }
  return pieces.length > 0;
}

function parseRule(label: string, body: HclObject): PathRule {
  body.allowOnly(RULE_KEYS);
  const path = label.replace(/^\//, '');
  if (path.includes('+*')) throw body.error(`path "${path}": invalid use of wildcards ("+*" is forbidden)`);
  const capabilities = parseCapabilities(path, body);
  const allowedParameters = parameterRules(body, 'allowed_parameters');
  const deniedParameters = parameterRules(body, 'denied_parameters');
  const requiredParameters = stringList(body, 'required_parameters');
  for (const list of ['mfa_methods', 'subscribe_event_types']) stringList(body, list);
  if (capabilities.has('deny')) {
    return { ...NOTHING_ELSE, path, capabilities };
  }
  const controlGroup = body.items.find(({ keys }) => keys[0] === 'control_group');
  if (controlGroup !== undefined && !hasFactor(controlGroup.value)) {
    throw body.error(`path "${path}": "control_group" must be a block with a "factor" in it`, controlGroup);
  }
  const minWrappingTtl = wrappingTtl(body, 'min_wrapping_ttl');
  const maxWrappingTtl = wrappingTtl(body, 'max_wrapping_ttl');
  if (minWrappingTtl !== 0n && maxWrappingTtl !== 0n && minWrappingTtl > maxWrappingTtl) {
    throw body.error(`path "${path}": max_wrapping_ttl cannot be less than min_wrapping_ttl`);
  }
  return {
    path,
    capabilities,
    allowedParameters,
    deniedParameters,
    requiredParameters,
    minWrappingTtl,
    maxWrappingTtl,
  };
}

function hasFactor(controlGroup: HclValue): boolean {
  return controlGroup.kind === 'object' && controlGroup.items.some(({ keys }) => keys[0] === 'factor');
}

/** `policy` adds to `capabilities`. After `deny` nothing counts, not even a name that is none. */
function parseCapabilities(path: string, body: HclObject): ReadonlySet<Capability> {
  const listed = stringList(body, 'capabilities');
  const name = text(body, 'policy') ?? '';
  const more = name === '' ? [] : SHORTHANDS.get(name);
  if (more === undefined) {
    throw body.error(`path "${path}": invalid policy ${JSON.stringify(name)}; use capabilities = [ ... ]`);
  }
  const capabilities = new Set<Capability>();
  for (const each of name === 'deny' ? more : [...listed, ...more]) {
    const capability = CAPABILITIES.find((known) => known === each);
    if (capability === 'deny') return new Set(['deny']);
    if (capability === undefined) {
      throw body.error(
        `path "${path}": invalid capability ${JSON.stringify(each)}; known are ${CAPABILITIES.join(', ')}`,
      );
    }
    capabilities.add(capability);
  }
  return capabilities;
}
