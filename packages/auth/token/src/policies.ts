import { CofferError } from '@coffer/base';
import { checkPolicies, DEFAULT_POLICY, globMatches, ROOT_POLICY, type TokenEntry } from '@coffer/framework';
import type { TokenRole } from './role-entry.ts';

export interface PolicyQuestion {
  /** As asked for; undefined or empty for none. */
  readonly asked: readonly string[] | undefined;
  readonly noDefaultPolicy: boolean;
  readonly parent: TokenEntry;
  /** Whether the caller has sudo on the path. */
  readonly sudo: boolean;
  readonly role?: TokenRole;
}

/**
 * The policies of a new token (hashicorp/vault:vault/token_store.go handleCreateCommon): those asked for, or else the
 * role's or the parent's. Without a role that names policies they are a subset of the parent's, unless the caller has sudo.
 *
 * @throws CofferError `invalid-request` for a policy that this caller or role may not give
 */
export function policiesOf(question: PolicyQuestion): string[] {
  const { asked = [], parent, sudo, role, noDefaultPolicy } = question;
  const roleNames = role !== undefined && namesPolicies(role);
  const leaveDefaultOut =
    noDefaultPolicy || role?.noDefaultPolicy === true || (role && disallows(role, DEFAULT_POLICY));
  const policies = roleNames ? byRole(question, role, leaveDefaultOut !== true) : byParent(question);
  if (policies.includes(ROOT_POLICY)) {
    if (parent.policies.includes(ROOT_POLICY)) return [ROOT_POLICY];
    throw refusal('root tokens may not be created without parent token being root');
  }
  // Without a role that names policies, and without sudo, `default` can only come from a parent that has it.
  const inherits = !roleNames && (asked.length === 0 || !(sudo || parent.policies.includes(DEFAULT_POLICY)));
  return leaveDefaultOut || inherits ? [...policies].sort() : [...new Set([...policies, DEFAULT_POLICY])].sort();
}

function byParent({ asked = [], parent, sudo }: PolicyQuestion): readonly string[] {
  if (asked.length === 0) return parent.policies;
  const policies = checkPolicies(asked);
  if (sudo || policies.every((name) => parent.policies.includes(name))) return policies;
  if (policies.includes(ROOT_POLICY)) throw refusal('root tokens may not be created without parent token being root');
  throw refusal('child policies must be subset of parent');
}

function byRole({ asked = [], parent }: PolicyQuestion, role: TokenRole, withDefault: boolean): readonly string[] {
  const restricts = role.allowedPolicies.length > 0 || role.allowedPoliciesGlob.length > 0;
  const policies = asked.length > 0 ? checkPolicies(asked) : restricts ? role.allowedPolicies : parent.policies;
  for (const name of policies) {
    if (disallows(role, name)) throw refusal(`token policy ${JSON.stringify(name)} is disallowed by this role`);
    const allowed =
      !restricts ||
      (withDefault && name === DEFAULT_POLICY) ||
      role.allowedPolicies.includes(name) ||
      globs(role.allowedPoliciesGlob, name);
    if (!allowed) {
      throw refusal(
        `token policies (${quoted(policies)}) must be subset of the role's allowed policies ` +
          `(${quoted(role.allowedPolicies)}) or glob policies (${quoted(role.allowedPoliciesGlob)})`,
      );
    }
  }
  return policies;
}

function namesPolicies(role: TokenRole): boolean {
  const lists = [role.allowedPolicies, role.allowedPoliciesGlob, role.disallowedPolicies, role.disallowedPoliciesGlob];
  return lists.some((list) => list.length > 0);
}

function disallows(role: TokenRole, name: string): boolean {
  return role.disallowedPolicies.includes(name) || globs(role.disallowedPoliciesGlob, name);
}

function globs(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => globMatches(pattern, name));
}

/** Go's `%q` of a list. */
function quoted(names: readonly string[]): string {
  return `[${names.map((name) => JSON.stringify(name)).join(' ')}]`;
}

function refusal(message: string): CofferError {
  return new CofferError('invalid-request', message);
}
