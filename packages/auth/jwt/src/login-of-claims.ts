import { CofferError, type JsonValue } from '@coffer/base';
import { globMatches, type LoginAlias, MAX_NAME_LENGTH } from '@coffer/framework';
import { claimAt, type Claims } from '@coffer/jwt-keys';
import type { RoleEntry } from './role-entry.ts';

/** Whom the claims of a verified token name. */
export type ClaimedUser = Required<LoginAlias>;

/**
 * Checks what a role binds, and reads who it is (hashicorp/vault-plugin-auth-jwt:claims.go, path_login.go createIdentity).
 * @throws CofferError `invalid-request`, in the words of Vault
 */
export function userOfClaims(claims: Claims, roleName: string, role: RoleEntry): ClaimedUser {
  const user = {
    name: userName(claims, role),
    metadata: { ...mappedMetadata(claims, role), role: roleName },
    groups: groupNames(claims, role),
  };
  checkBoundClaims(claims, role);
  return user;
}

function userName(claims: Claims, { userClaim, userClaimJsonPointer }: RoleEntry): string {
  const named = Object.hasOwn(claims, userClaim) ? (claims[userClaim] ?? undefined) : undefined;
  const value = userClaimJsonPointer ? claimAt(claims, userClaim) : named;
  const claim = JSON.stringify(userClaim);
  if (value === undefined) throw refusal(`claim ${claim} not found in token`);
  if (typeof value !== 'string') throw refusal(`claim ${claim} could not be converted to string`);
  if (value === '') throw refusal(`claim ${claim} is empty`);
  if (value.length > MAX_NAME_LENGTH) throw refusal(`claim ${claim} is longer than ${MAX_NAME_LENGTH} characters`);
  return value;
}

function mappedMetadata(claims: Claims, { claimMappings }: RoleEntry): Readonly<Record<string, string>> {
  const metadata: [string, string][] = [];
  for (const [claim, target] of Object.entries(claimMappings)) {
    const value = claimAt(claims, claim);
    if (value === undefined) continue;
    if (typeof value !== 'string') throw refusal(`error converting claim '${claim}' to string`);
    metadata.push([target, value]);
  }
  return Object.fromEntries(metadata);
}

function groupNames(claims: Claims, { groupsClaim }: RoleEntry): readonly string[] {
  if (groupsClaim === '') return [];
  const claim = JSON.stringify(groupsClaim);
  const value = claimAt(claims, groupsClaim);
  if (value === undefined) throw refusal(`failed to fetch groups: ${claim} claim not found in token`);
  const groups = listOf(value);
  if (groups === undefined) throw refusal(`${claim} claim could not be converted to string list`);
  const names = groups.map((group) => {
    if (typeof group === 'string' && group.length <= MAX_NAME_LENGTH) return group;
    throw refusal('a value in groups claim could not be parsed as string');
  });
  return [...new Set(names)].filter((name) => name !== '');
}

function checkBoundClaims(claims: Claims, { boundClaims, boundClaimsType }: RoleEntry): void {
  for (const [name, wanted] of Object.entries(boundClaims)) {
    const claim = JSON.stringify(name);
    const value = claimAt(claims, name);
    if (value === undefined) throw refusal(`error validating claims: claim ${claim} is missing`);
    const actual = listOf(value);
    if (actual === undefined) {
      throw refusal(`error validating claims: received claim ${claim} is not a string, bool, int or list`);
    }
    const fits = boundClaimsType === 'glob' ? fitsGlob : equals;
    if ((listOf(wanted) ?? []).some((each) => actual.some((one) => fits(each, one)))) continue;
    throw refusal(`error validating claims: claim ${claim} does not match any associated bound claim values`);
  }
}

function fitsGlob(pattern: JsonValue, value: JsonValue): boolean {
  return typeof pattern === 'string' && typeof value === 'string' && globMatches(pattern, value);
}

/** Beyond what a double holds two numbers may only look alike. */
function equals(wanted: JsonValue, value: JsonValue): boolean {
  return wanted === value && (typeof value !== 'number' || Number.isSafeInteger(value));
}

/** What stands alone where a list was possible is a list of one. */
function listOf(value: JsonValue): readonly JsonValue[] | undefined {
  if (Array.isArray(value)) return value as readonly JsonValue[];
  return ['string', 'boolean', 'number'].includes(typeof value) ? [value] : undefined;
}

function refusal(message: string): CofferError {
  return new CofferError('invalid-request', message);
}
