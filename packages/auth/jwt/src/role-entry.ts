import type { JsonObject } from '@coffer/base';
import {
  type Entries,
  type EntryStorage,
  NEW_TOKEN_PARAMETERS,
  STORED_TOKEN_PARAMETERS,
  stored,
  type TokenParameters,
  tokenParametersView,
} from '@coffer/framework';

export const ROLE_TYPES = ['jwt', 'oidc'] as const;
export const BOUND_CLAIMS_TYPES = ['string', 'glob'] as const;

/** Whose tokens log in, and what they become. Texts, lists and objects are empty where nothing is asked. */
export interface RoleEntry {
  readonly type: (typeof ROLE_TYPES)[number];
  readonly boundAudiences: readonly string[];
  readonly boundSubject: string;
  readonly boundClaimsType: (typeof BOUND_CLAIMS_TYPES)[number];
  /** By claim: the value, or a list of values of which one is enough. */
  readonly boundClaims: JsonObject;
  /** By claim: the field of the token's metadata that it goes into. */
  readonly claimMappings: Readonly<Record<string, string>>;
  readonly userClaim: string;
  readonly userClaimJsonPointer: boolean;
  readonly groupsClaim: string;
  /** Seconds; 0 for the default, negative for none. */
  readonly expirationLeeway: number;
  readonly notBeforeLeeway: number;
  readonly clockSkewLeeway: number;
  readonly scopes: readonly string[];
  readonly redirectUris: readonly string[];
  /** Seconds since somebody has shown the provider who they are; 0 for any. */
  readonly maxAge: number;
  readonly token: TokenParameters;
}

const { boolean, entry, integer, object, oneOf, string, stringMap, strings } = stored;
const ROLE = entry<RoleEntry>({
  type: oneOf(ROLE_TYPES),
  boundAudiences: strings(),
  boundSubject: string(),
  boundClaimsType: oneOf(BOUND_CLAIMS_TYPES),
  boundClaims: object(),
  claimMappings: stringMap(),
  userClaim: string(),
  userClaimJsonPointer: boolean(),
  groupsClaim: string(),
  expirationLeeway: integer(),
  notBeforeLeeway: integer(),
  clockSkewLeeway: integer(),
  scopes: strings(),
  redirectUris: strings(),
  maxAge: integer(),
  token: STORED_TOKEN_PARAMETERS,
});

/** As in Vault a role is for people with a browser unless it says otherwise. */
export const NEW_ROLE: RoleEntry = {
  type: 'oidc',
  boundAudiences: [],
  boundSubject: '',
  boundClaimsType: 'string',
  boundClaims: {},
  claimMappings: {},
  userClaim: '',
  userClaimJsonPointer: false,
  groupsClaim: '',
  expirationLeeway: 0,
  notBeforeLeeway: 0,
  clockSkewLeeway: 0,
  scopes: [],
  redirectUris: [],
  maxAge: 0,
  token: NEW_TOKEN_PARAMETERS,
};

/** By name, which the paths fold. */
export function rolesOf(storage: EntryStorage): Entries<RoleEntry> {
  return storage.kept('role/', ROLE);
}

/** As Vault shows it: what is not set is null, where it is a list or a map. */
export function roleView(role: RoleEntry): JsonObject {
  const list = (values: readonly string[]): readonly string[] | null => (values.length === 0 ? null : values);
  const map = (values: JsonObject): JsonObject | null => (Object.keys(values).length === 0 ? null : values);
  return {
    allowed_redirect_uris: list(role.redirectUris),
    bound_audiences: list(role.boundAudiences),
    bound_claims: map(role.boundClaims),
    bound_claims_type: role.boundClaimsType,
    bound_subject: role.boundSubject,
    claim_mappings: map(role.claimMappings),
    clock_skew_leeway: role.clockSkewLeeway,
    expiration_leeway: role.expirationLeeway,
    groups_claim: role.groupsClaim,
    max_age: role.maxAge,
    not_before_leeway: role.notBeforeLeeway,
    oidc_scopes: list(role.scopes),
    role_type: role.type,
    ...tokenParametersView(role.token),
    user_claim: role.userClaim,
    user_claim_json_pointer: role.userClaimJsonPointer,
    verbose_oidc_logging: false,
  };
}
