import type { JsonObject, JsonValue } from '@coffer/base';
import type { Operation } from './logical.ts';
import { foldName } from './names.ts';
import type { Capability, ParameterRules, PathRule } from './policy.ts';

/**
 * What a token's policies allow. Rules for the very same path are merged (deny wins); among different paths that match
 * only the most specific one counts (hashicorp/vault:website/content/docs/concepts/policies.mdx, "Priority matching").
 */
export interface Acl {
  /**
   * Whether `operation` on `path` with this data is allowed. `path` has no leading slash. `wrapTtl`: seconds that the
   * answer is to be wrapped for, 0 when it is not.
   */
  allows(operation: Operation, path: string, data: JsonObject, sudo: boolean, wrapTtl?: number): boolean;
  /** The capabilities on `path`, sorted; `['deny']` when there are none, `['root']` for the root policy. */
  capabilities(path: string): string[];
  /**
   * The same rules with their paths in lower case, so that rules that differ in case alone are merged (deny wins). For
   * paths of which an engine folds a name: ask it about the path in lower case.
   */
  folded(): Acl;
}

export const ROOT_ACL: Acl = {
  allows: () => true,
  capabilities: () => ['root'],
  folded: () => ROOT_ACL,
};

export function createAcl(rules: readonly PathRule[]): Acl {
  const merged = mergeRules(rules);
  let folded: Acl | undefined;
  return {
    folded: () => (folded ??= createAcl(rules.map((rule) => ({ ...rule, path: foldName(rule.path) })))),
    allows(operation, path, data, sudo, wrapTtl = 0) {
      const rule = findRule(merged, path, operation === 'list');
      if (rule === undefined || rule.capabilities.has('deny')) return false;
      if (sudo && !rule.capabilities.has('sudo')) return false;
      // Any capability on a path lets its holder read the path's help, as in Vault.
      if (operation === 'help') return rule.capabilities.size > 0;
      if (!rule.capabilities.has(operation) || !wrappingAllowed(rule, wrapTtl)) return false;
      return operation === 'read' || operation === 'list' || operation === 'delete' || parametersAllowed(rule, data);
    },
    capabilities(path) {
      const rule = findRule(merged, path, path.endsWith('/'));
      if (rule === undefined || rule.capabilities.has('deny') || rule.capabilities.size === 0) return ['deny'];
      return [...rule.capabilities].sort();
    },
  };
}

function mergeRules(rules: readonly PathRule[]): PathRule[] {
  const byPath = new Map<string, PathRule>();
  for (const rule of rules) {
    const earlier = byPath.get(rule.path);
    byPath.set(rule.path, earlier === undefined ? rule : mergeTwo(earlier, rule));
  }
  return [...byPath.values()].sort((a, b) => compareSpecificity(b.path, a.path));
}

function mergeTwo(a: PathRule, b: PathRule): PathRule {
  const denied: readonly Capability[] | undefined =
    a.capabilities.has('deny') || b.capabilities.has('deny') ? ['deny'] : undefined;
  const deniedParameters = mergeParameters(a.deniedParameters, b.deniedParameters);
  // A policy without a list of allowed parameters allows them all, so the union is "all" when either has none.
  const allowedParameters =
    a.allowedParameters && b.allowedParameters ? mergeParameters(a.allowedParameters, b.allowedParameters) : undefined;
  return {
    path: a.path,
    capabilities: new Set(denied ?? [...a.capabilities, ...b.capabilities]),
    ...(allowedParameters && { allowedParameters }),
    ...(deniedParameters && { deniedParameters }),
    requiredParameters: [...new Set([...a.requiredParameters, ...b.requiredParameters])],
    // The shorter of two limits, as Vault prefers.
    minWrappingTtl: shorter(a.minWrappingTtl, b.minWrappingTtl),
    maxWrappingTtl: shorter(a.maxWrappingTtl, b.maxWrappingTtl),
  };
}

function shorter(a: number, b: number): number {
  return a > 0 && b > 0 ? Math.min(a, b) : a || b;
}

/** A rule with a wrapping TTL only allows answers that come wrapped, within its limits. */
function wrappingAllowed({ minWrappingTtl, maxWrappingTtl }: PathRule, wrapTtl: number): boolean {
  if (minWrappingTtl === 0 && maxWrappingTtl === 0) return true;
  return wrapTtl > 0 && wrapTtl >= minWrappingTtl && (maxWrappingTtl === 0 || wrapTtl <= maxWrappingTtl);
}

function mergeParameters(a?: ParameterRules, b?: ParameterRules): ParameterRules | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const merged = new Map(a);
  for (const [name, values] of b) {
    const earlier = merged.get(name);
    // An empty list means any value, so it absorbs the other.
    merged.set(
      name,
      earlier === undefined ? values : earlier.length === 0 || values.length === 0 ? [] : [...earlier, ...values],
    );
  }
  return merged;
}

/** Positive when `a` is the more specific pattern. */
function compareSpecificity(a: string, b: string): number {
  const wildcard = (path: string): number => {
    const first = path.search(/(^|\/)\+(\/|$)|\*$/);
    return first === -1 ? Number.POSITIVE_INFINITY : first;
  };
  const plusses = (path: string): number => path.split('/').filter((segment) => segment === '+').length;
  const byWildcard = wildcard(a) === wildcard(b) ? 0 : wildcard(a) - wildcard(b);
  return (
    byWildcard ||
    Number(b.endsWith('*')) - Number(a.endsWith('*')) ||
    plusses(b) - plusses(a) ||
    a.length - b.length ||
    (a < b ? -1 : a > b ? 1 : 0)
  );
}

function findRule(rules: readonly PathRule[], path: string, list: boolean): PathRule | undefined {
  const bare = path.replace(/\/$/, '');
  // A list of `secret` may be allowed as `secret` or as `secret/`.
  const candidates = list ? [`${bare}/`, bare] : [path];
  return rules.find((rule) => candidates.some((candidate) => matches(rule.path, candidate)));
}

function matches(pattern: string, path: string): boolean {
  if (!pattern.includes('+') && !pattern.endsWith('*')) return pattern === path;
  const prefix = pattern.endsWith('*');
  const source = pattern
    .replace(/\*$/, '')
    .split('/')
    .map((segment) => (segment === '+' ? '[^/]+' : segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
    .join('/');
  return new RegExp(`^${source}${prefix ? '' : '$'}`, 's').test(path);
}

function parametersAllowed(rule: PathRule, data: JsonObject): boolean {
  const given = new Map(Object.entries(data).map(([name, value]) => [name.toLowerCase(), value]));
  if (!rule.requiredParameters.every((name) => given.has(name.toLowerCase()))) return false;
  const { allowedParameters: allowed, deniedParameters: denied } = rule;
  for (const [name, value] of given) {
    const deniedValues = denied?.get(name) ?? denied?.get('*');
    if (deniedValues !== undefined && (deniedValues.length === 0 || valueIn(value, deniedValues))) return false;
    if (allowed === undefined) continue;
    const allowedValues = allowed.get(name) ?? allowed.get('*');
    if (allowedValues === undefined) return false;
    if (allowedValues.length > 0 && !valueIn(value, allowedValues)) return false;
  }
  return true;
}

function valueIn(value: JsonValue, values: readonly JsonValue[]): boolean {
  return values.some((candidate) => {
    if (typeof candidate === 'string' && typeof value === 'string') {
      if (candidate.endsWith('*')) return value.startsWith(candidate.slice(0, -1));
      if (candidate.startsWith('*')) return value.endsWith(candidate.slice(1));
    }
    return JSON.stringify(candidate) === JSON.stringify(value);
  });
}
