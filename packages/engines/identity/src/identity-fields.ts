import { CofferError, type JsonObject } from '@coffer/base';
import { checkNames, checkPolicies, MAX_NAMES, ROOT_POLICY } from '@coffer/framework';

/** Members that one request may give a group. */
const MAX_MEMBERS = 2048;

/** Key/value pairs as text, as HashiCorp's framework reads them; undefined when none were given. @throws CofferError `invalid-request` */
export function pairsOf(given: JsonObject | undefined, field: string): Record<string, string> | undefined {
  if (given === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(given).map(([key, value]) => {
      if (value === null) return [key, ''];
      if (typeof value !== 'object') return [key, String(value)];
      throw new CofferError('invalid-request', `failed to parse ${field}: "${key.slice(0, 100)}" must be a string`);
    }),
  );
}

/** @throws CofferError `invalid-request` for policies that nobody can be given by what they are */
export function identityPolicies(given: readonly string[]): readonly string[] {
  const policies = checkPolicies(given, 'policies', MAX_NAMES);
  if (!policies.includes(ROOT_POLICY)) return policies;
  throw new CofferError('invalid-request', 'policies cannot contain root');
}

/** Ids, each once. @throws CofferError `invalid-request` for too many */
export function idsOf(given: readonly string[] | undefined, field: string): readonly string[] | undefined {
  return given && [...new Set(checkNames(given, field, MAX_MEMBERS))];
}

/** A name that can be found again. @throws CofferError `invalid-request` */
export function nameOf(given: string): string {
  checkNames([given], 'name');
  return given;
}
