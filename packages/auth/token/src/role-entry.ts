import { type Condition, type Entries, type EntryStorage, stored } from '@coffer/framework';

/** What a token role allows and fixes. Durations in seconds, 0 for "not set here". */
export interface TokenRole {
  readonly allowedPolicies: readonly string[];
  readonly disallowedPolicies: readonly string[];
  /** With `*` for any text. */
  readonly allowedPoliciesGlob: readonly string[];
  readonly disallowedPoliciesGlob: readonly string[];
  readonly orphan: boolean;
  readonly renewable: boolean;
  /** Behind the path of its tokens, so that they can be told apart; empty for none. */
  readonly pathSuffix: string;
  readonly explicitMaxTtl: number;
  readonly period: number;
  readonly numUses: number;
  readonly noDefaultPolicy: boolean;
  readonly boundCidrs: readonly string[];
  readonly tokenType: RoleTokenType;
  /** Aliases that its tokens may stand for, in lower case, with `*` for any text. */
  readonly allowedEntityAliases: readonly string[];
}

/** What its tokens are, whatever is asked for, or unless something is. */
export const ROLE_TOKEN_TYPES = ['default-service', 'default-batch', 'service', 'batch'] as const;
export type RoleTokenType = (typeof ROLE_TOKEN_TYPES)[number];

export const NEW_TOKEN_ROLE: TokenRole = {
  allowedPolicies: [],
  disallowedPolicies: [],
  allowedPoliciesGlob: [],
  disallowedPoliciesGlob: [],
  orphan: false,
  renewable: true,
  pathSuffix: '',
  explicitMaxTtl: 0,
  period: 0,
  numUses: 0,
  noDefaultPolicy: false,
  boundCidrs: [],
  tokenType: 'default-service',
  allowedEntityAliases: [],
};

const { boolean, entry, integer, oneOf, string, strings } = stored;
const ROLE = entry<TokenRole>({
  allowedPolicies: strings(),
  disallowedPolicies: strings(),
  allowedPoliciesGlob: strings(),
  disallowedPoliciesGlob: strings(),
  orphan: boolean(),
  renewable: boolean(),
  pathSuffix: string(),
  explicitMaxTtl: integer(),
  period: integer(),
  numUses: integer(),
  noDefaultPolicy: boolean(),
  boundCidrs: strings(),
  tokenType: oneOf(ROLE_TOKEN_TYPES, 'default-service'),
  allowedEntityAliases: strings([]),
});

export function tokenRolesOf(storage: EntryStorage): Entries<TokenRole> {
  return storage.kept('roles/', ROLE);
}

export async function readTokenRole(storage: EntryStorage, name: string): Promise<TokenRole | undefined> {
  return tokenRolesOf(storage).get(name);
}

/** The role with the condition that it is still as it was read: for a token that is made by it. */
export async function findTokenRole(
  storage: EntryStorage,
  name: string,
): Promise<{ readonly role: TokenRole; readonly unchanged: Condition } | undefined> {
  const found = await tokenRolesOf(storage).read(name);
  return found && { role: found.value, unchanged: found.unchanged };
}
