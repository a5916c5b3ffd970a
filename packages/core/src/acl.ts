import type { JsonObject } from '@coffer/base';
import { mergeParameterValues, type ParameterValues, parametersAllowed } from './acl-parameters.ts';
import { createPathTable } from './acl-paths.ts';
import type { Operation } from './logical.ts';
import { foldName } from './names.ts';
import type { PathRule } from './policy.ts';

/**
 * What a token's policies allow, as hashicorp/vault:vault/acl.go decides it. Rules for the very same path are merged
 * (deny wins); among different paths that match only the one with the highest priority counts.
 */
export interface Acl {
  /**
   * Whether `operation` on `path` with this data is allowed. Leading slashes of `path` do not count. `wrapTtl`: seconds
   * that the answer is to be wrapped for, 0 when it is not. Help is always allowed. Work is linear in path and data.
   */
  allows(operation: Operation | 'patch', path: string, data: JsonObject, sudo: boolean, wrapTtl?: number): boolean;
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
  const table = createPathTable(mergeRules(rules));
  let folded: Acl | undefined;
  return {
    allows(operation, path, data, sudo, wrapTtl = 0) {
      if (operation === 'help') return true;
      const rule = table.find(path.replace(/^\/+/, ''), operation === 'list');
      if (rule === undefined || !rule.capabilities.has(operation)) return false;
      if (sudo && !rule.capabilities.has('sudo')) return false;
      if (!wrappingAllowed(rule, wrapTtl)) return false;
      return operation === 'list' || operation === 'delete' || parametersAllowed(rule, data);
    },
    capabilities(path) {
      // Vault asks as a list does, so that a folder's rule is found with and without its slash.
      const rule = table.find(path.replace(/^\/+/, ''), true);
      return rule === undefined || rule.capabilities.size === 0 ? ['deny'] : [...rule.capabilities].sort();
    },
    folded: () => (folded ??= createAcl(rules.map((rule) => ({ ...rule, path: foldName(rule.path) })))),
  };
}

function mergeRules(rules: readonly PathRule[]): Map<string, PathRule> {
  const byPath = new Map<string, PathRule>();
  for (const rule of rules) {
    const earlier = byPath.get(rule.path);
    byPath.set(rule.path, earlier === undefined ? rule : mergeTwo(earlier, rule));
  }
  return byPath;
}

/** A list of parameters beside a rule that has none stays: the merged rule is then the narrower of the two. */
function mergeTwo(a: PathRule, b: PathRule): PathRule {
  if (a.capabilities.has('deny')) return a;
  if (b.capabilities.has('deny')) return b;
  const allowedParameters = mergeParameters(a.allowedParameters, b.allowedParameters);
  const deniedParameters = mergeParameters(a.deniedParameters, b.deniedParameters);
  return {
    path: a.path,
    capabilities: new Set([...a.capabilities, ...b.capabilities]),
    ...(allowedParameters && { allowedParameters }),
    ...(deniedParameters && { deniedParameters }),
    requiredParameters: [...new Set([...a.requiredParameters, ...b.requiredParameters])],
    // The shorter of two limits, as Vault prefers.
    minWrappingTtl: shorter(a.minWrappingTtl, b.minWrappingTtl),
    maxWrappingTtl: shorter(a.maxWrappingTtl, b.maxWrappingTtl),
  };
}

function mergeParameters(
  a?: ReadonlyMap<string, ParameterValues>,
  b?: ReadonlyMap<string, ParameterValues>,
): ReadonlyMap<string, ParameterValues> | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const merged = new Map(a);
  for (const [name, values] of b) {
    const earlier = merged.get(name);
    merged.set(name, earlier === undefined ? values : mergeParameterValues(earlier, values));
  }
  return merged;
}

/** Only what is above 0 limits. */
function shorter(a: bigint, b: bigint): bigint {
  return b > 0n && (a === 0n || b < a) ? b : a;
}

/** A rule with a wrapping TTL only allows answers that come wrapped, within its limits; none where they cross. */
function wrappingAllowed({ minWrappingTtl: min, maxWrappingTtl: max }: PathRule, wrapTtl: number): boolean {
  const wanted = BigInt(Math.round(wrapTtl * 1e9));
  if (max > 0n && (wanted <= 0n || wanted > max)) return false;
  if (min > 0n && (wanted <= 0n || wanted < min)) return false;
  return min === 0n || max === 0n || min <= max;
}
