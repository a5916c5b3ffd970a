import { CofferError, type JsonValue, parseDuration } from '@coffer/base';
import { type HclObject, hclToJson, parseHcl } from '@coffer/hcl';

export const CAPABILITIES = ['create', 'read', 'update', 'delete', 'list', 'sudo', 'deny', 'patch'] as const;
export type Capability = (typeof CAPABILITIES)[number];

/** Values that a parameter may have; an empty list allows (or denies) any. A trailing or leading `*` is a glob. */
export type ParameterRules = ReadonlyMap<string, readonly JsonValue[]>;

/** One `path "..." { }` block. */
export interface PathRule {
  /** Without leading slash. May hold `+` for one segment and a trailing `*`. */
  readonly path: string;
  readonly capabilities: ReadonlySet<Capability>;
  readonly allowedParameters?: ParameterRules;
  readonly deniedParameters?: ParameterRules;
  readonly requiredParameters: readonly string[];
  /** Seconds; 0 when not set. With either, answers must be asked for wrapped. */
  readonly minWrappingTtl: number;
  readonly maxWrappingTtl: number;
}

/** Older policies say `policy = "write"` instead of capabilities (hashicorp/vault:vault/policy.go). */
const SHORTHANDS: Readonly<Record<string, readonly Capability[]>> = {
  deny: ['deny'],
  read: ['read', 'list'],
  write: ['create', 'read', 'update', 'delete', 'list'],
  sudo: ['create', 'read', 'update', 'delete', 'list', 'sudo'],
};

/**
 * Parses an ACL policy, HCL or JSON.
 *
 * @throws CofferError `invalid-request`, `failed to parse policy: LINE:COLUMN: message`
 */
export function parsePolicy(text: string): PathRule[] {
  try {
    const root = parseHcl(text);
    root.allowOnly(['path', 'name']);
    return root.blocks('path', 1).map(({ labels, body }) => parseRule(labels[0] ?? '', body));
  } catch (error) {
    if (!(error instanceof CofferError)) throw error;
    throw new CofferError('invalid-request', `failed to parse policy: ${error.message}`, { cause: error });
  }
}

function parseRule(label: string, body: HclObject): PathRule {
  body.allowOnly([
    'capabilities',
    'policy',
    'comment',
    'allowed_parameters',
    'denied_parameters',
    'required_parameters',
    'min_wrapping_ttl',
    'max_wrapping_ttl',
  ]);
  const path = label.replace(/^\//, '');
  if (path.includes('+*')) throw body.error(`path "${path}": invalid use of wildcards ("+*" is forbidden)`);
  const names = body.strings('capabilities') ?? shorthand(body);
  for (const name of names) {
    if (!CAPABILITIES.some((capability) => capability === name)) {
      throw body.error(`path "${path}": invalid capability "${name}"; known are ${CAPABILITIES.join(', ')}`);
    }
  }
  const minWrappingTtl = wrappingTtl(body, 'min_wrapping_ttl');
  const maxWrappingTtl = wrappingTtl(body, 'max_wrapping_ttl');
  if (maxWrappingTtl > 0 && minWrappingTtl > maxWrappingTtl) {
    throw body.error(`path "${path}": max_wrapping_ttl cannot be less than min_wrapping_ttl`);
  }
  const allowed = parameters(body, 'allowed_parameters');
  const denied = parameters(body, 'denied_parameters');
  return {
    path,
    capabilities: new Set(names as readonly Capability[]),
    ...(allowed && { allowedParameters: allowed }),
    ...(denied && { deniedParameters: denied }),
    requiredParameters: body.strings('required_parameters') ?? [],
    minWrappingTtl,
    maxWrappingTtl,
  };
}

/** A string such as "10m" or a number of seconds. */
function wrappingTtl(body: HclObject, name: 'min_wrapping_ttl' | 'max_wrapping_ttl'): number {
  const attribute = body.attribute(name);
  if (attribute === undefined) return 0;
  const value = hclToJson(attribute);
  if (typeof value === 'string' || typeof value === 'number') return parseDuration(value, name);
  throw body.error(`"${name}" must be a duration such as "10m"`, attribute);
}

function shorthand(body: HclObject): readonly string[] {
  const name = body.string('policy');
  if (name === undefined) return [];
  const capabilities = SHORTHANDS[name];
  if (capabilities === undefined) throw body.error(`invalid policy "${name}"; use capabilities = [ ... ]`);
  return capabilities;
}

function parameters(body: HclObject, name: string): ParameterRules | undefined {
  const object = body.object(name);
  if (object === undefined) return undefined;
  return new Map(
    object.items.map((item) => {
      const values = hclToJson(item.value);
      if (!Array.isArray(values)) throw body.error(`"${name}": the values of "${item.keys[0]}" must be a list`, item);
      return [item.keys[0].toLowerCase(), values as readonly JsonValue[]];
    }),
  );
}
