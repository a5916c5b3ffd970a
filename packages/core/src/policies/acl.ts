import type { JsonObject } from '@coffer/base';
import {
  type CompiledLists,
  compileDeniedItems,
  mergeParameterValues,
  type ParameterRules,
  parametersAllowed,
} from './acl-parameters.ts';
import { createPathTable, isBelow } from './acl-paths.ts';
import { type Operation, foldName, ROOT_POLICY } from '@coffer/framework';
import type { PathRule } from './policy.ts';

/**
 * What a token's policies allow, as hashicorp/vault:vault/acl.go decides it. Rules for the very same path are merged
 * (deny wins); among different paths that match only the one with the highest priority counts.
 */
export interface Acl {
  /**
   * Whether `operation` on `path` with this data is allowed. Leading slashes of `path` do not count. `wrapTtl`: seconds
   * that the answer is to be wrapped for, 0 when it is not. `split`: parameters whose strings the engine splits at commas, so
   * that each item must be allowed by itself. Help is always allowed. The work is linear in path and data.
   */
  allows(
    operation: Operation | 'patch',
    path: string,
    data: JsonObject,
    sudo: boolean,
    wrapTtl?: number,
    split?: ReadonlySet<string>,
  ): boolean;
  /** The policies whose rules give `operation` on `path`: those for the very path, or pattern, that counts there. */
  granting(operation: Operation | 'patch', path: string): readonly string[];
  /** The capabilities on `path`, sorted; `['deny']` when there are none, `['root']` for the root policy. */
  capabilities(path: string): string[];
  /** Whether anything is allowed on a folder (`db/`) or on a path below it. */
  reaches(folder: string): boolean;
  /**
   * The same rules with their paths in lower case, so that rules that differ only in case are merged (deny wins). For paths in
   * which an engine folds a name: ask it about the path in lower case.
   */
  folded(): Acl;
}

export const ROOT_ACL: Acl = {
  allows: () => true,
  granting: () => [ROOT_POLICY],
  capabilities: () => ['root'],
  reaches: () => true,
  folded: () => ROOT_ACL,
};

const NONE: ReadonlySet<string> = new Set();

/** A rule with everything worked out that does not depend on the request. */
interface CompiledRule extends PathRule, CompiledLists {}

/** Rules that are {@link PathRule.templated} count only filled in. */
export function createAcl(given: readonly PathRule[]): Acl {
  const rules = given.filter(({ templated }) => templated !== true);
  const merged = mergeRules(rules);
  const table = createPathTable(merged);
  const find = (path: string, list: boolean): CompiledRule | undefined => table.find(path.replace(/^\/+/, ''), list);
  const capabilities = (path: string): string[] => {
    // Vault asks as a list does, so that a folder's rule is found with and without its slash.
    const rule = find(path, true);
    return rule === undefined || rule.capabilities.size === 0 ? ['deny'] : [...rule.capabilities].sort();
  };
  let folded: Acl | undefined;
  return {
    allows(operation, path, data, sudo, wrapTtl = 0, split = NONE) {
      if (operation === 'help') return true;
      const rule = find(path, operation === 'list');
      if (rule === undefined || !rule.capabilities.has(operation)) return false;
      if (sudo && !rule.capabilities.has('sudo')) return false;
      if (!wrappingAllowed(rule, wrapTtl)) return false;
      return operation === 'list' || operation === 'delete' || parametersAllowed(rule, data, split);
    },
    granting(operation, path) {
      const rule = find(path, operation === 'list');
      if (operation === 'help' || rule?.capabilities.has(operation) !== true) return [];
      const same = rules.filter((each) => each.path === rule.path && each.capabilities.has(operation));
      return [...new Set(same.flatMap(({ policy }) => policy ?? []))];
    },
    capabilities,
    reaches(folder) {
      if (!capabilities(folder).includes('deny')) return true;
      return [...merged].some(
        ([pattern, rule]) => rule.capabilities.size > 0 && !rule.capabilities.has('deny') && isBelow(pattern, folder),
      );
    },
    folded: () => (folded ??= createAcl(rules.map((rule) => ({ ...rule, path: foldName(rule.path) })))),
  };
}

/** Merges all rules for a path at once, so that the cost stays linear. */
function mergeRules(rules: readonly PathRule[]): Map<string, CompiledRule> {
  const byPath = Map.groupBy(rules, ({ path }) => path);
  return new Map(
    [...byPath].map(([path, same]) => {
      const merged = mergeSame(path, same);
      return [path, { ...merged, deniedItems: compileDeniedItems(merged.deniedParameters) }];
    }),
  );
}

/** A list of parameters beside a rule that has none stays: the merged rule is then the narrower of the two. */
function mergeSame(path: string, rules: readonly PathRule[]): PathRule {
  const [only] = rules;
  if (only !== undefined && rules.length === 1) return only;
  const denial = rules.find(({ capabilities }) => capabilities.has('deny'));
  if (denial !== undefined) return denial;
  return {
    path,
    capabilities: new Set(rules.flatMap(({ capabilities }) => [...capabilities])),
    allowedParameters: mergeParameters(rules.map(({ allowedParameters }) => allowedParameters)),
    deniedParameters: mergeParameters(rules.map(({ deniedParameters }) => deniedParameters)),
    requiredParameters: [...new Set(rules.flatMap(({ requiredParameters }) => requiredParameters))],
    // The shorter of two limits, as Vault prefers.
    minWrappingTtl: rules.map(({ minWrappingTtl }) => minWrappingTtl).reduce(shorter),
    maxWrappingTtl: rules.map(({ maxWrappingTtl }) => maxWrappingTtl).reduce(shorter),
  };
}

function mergeParameters(lists: readonly ParameterRules[]): ParameterRules {
  const byName = Map.groupBy(
    lists.flatMap((list) => [...list]),
    ([name]) => name,
  );
  return new Map([...byName].map(([name, same]) => [name, mergeParameterValues(same.map(([, values]) => values))]));
}

/** 0 means no limit. */
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
