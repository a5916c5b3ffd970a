import {
  CofferError,
  isJsonObject,
  isStringMap,
  type JsonObject,
  type JsonValue,
  parseNanoseconds,
} from '@coffer/base';
import {
  changeTokenParameters,
  checkNames,
  type FieldValues,
  OLDER_TOKEN_FIELDS,
  TOKEN_FIELDS,
} from '@coffer/framework';
import { BOUND_CLAIMS_TYPES, ROLE_TYPES, type RoleEntry } from './role-entry.ts';

export const ROLE_FIELDS = {
  role_type: { type: 'string', description: '"jwt" for programs, "oidc" for people with a browser; oidc when new.' },
  bound_audiences: { type: 'comma-strings', description: 'Audiences; the token must have one of them.' },
  bound_subject: { type: 'string', description: 'What the claim "sub" must be.' },
  bound_claims: {
    type: 'object',
    description:
      'By claim, or JSON pointer to one: the value that it must have, or a list of values, one of which it must have.',
  },
  bound_claims_type: { type: 'string', description: '"string"; or "glob": then * in the values matches any text.' },
  claim_mappings: {
    type: 'object',
    description: "By claim, or JSON pointer to one: the field of the token's metadata that gets it.",
  },
  user_claim: { type: 'string', description: 'The claim that names the user, such as "sub".' },
  user_claim_json_pointer: { type: 'boolean', description: 'Whether user_claim is a JSON pointer.' },
  groups_claim: {
    type: 'string',
    description: 'The claim, or JSON pointer to one, that lists the groups of the user.',
  },
  expiration_leeway: {
    type: 'string',
    description:
      'Without "exp", the token expires this long after "iat" or "nbf"; 0 means 150 s, a negative number never.',
  },
  not_before_leeway: {
    type: 'string',
    description:
      'Without "nbf" and "iat", the token is valid from this long before "exp"; 0 means 150 s, a negative number no time.',
  },
  clock_skew_leeway: {
    type: 'string',
    description: 'How far clocks may differ, for every time in a token; 0 means 60 s, a negative number none.',
  },
  allowed_redirect_uris: {
    type: 'comma-strings',
    description: 'Where the provider may send the browser, for the role type oidc.',
  },
  oidc_scopes: { type: 'comma-strings', description: 'Scopes to ask the provider for, besides openid.' },
  max_age: { type: 'duration', description: 'How long ago the user may have authenticated at the provider.' },
  callback_mode: { type: 'string', description: '"client", which is the default: no other is supported.' },
  verbose_oidc_logging: { type: 'boolean', description: 'Not supported: it would log what must not be logged.' },
  ...TOKEN_FIELDS,
  ...OLDER_TOKEN_FIELDS,
} as const;
type Settings = FieldValues<typeof ROLE_FIELDS>;

/** The most claims that a role binds or maps. */
const MAX_CLAIMS = 100;
/** What the server writes into the metadata itself. */
const RESERVED_METADATA = 'role';

/** @throws CofferError `invalid-request` for a setting that would have no effect */
function refuseUnsupported({ callback_mode: mode = 'client', verbose_oidc_logging: verbose }: Settings): void {
  if (['direct', 'device'].includes(mode)) {
    throw refusal(`'callback_mode' ${mode} is not supported: the provider sends the browser to the client`);
  }
  if (mode !== 'client' && mode !== '') throw refusal(`invalid 'callback_mode': ${mode.slice(0, 20)}`);
  if (verbose === true) throw refusal("'verbose_oidc_logging' is not supported: it would log tokens and claims");
}

/**
 * `previous`, changed as `fields` says, in the words of Vault.
 * @throws CofferError `invalid-request`
 */
export function withSettings(previous: RoleEntry, fields: Settings): RoleEntry {
  refuseUnsupported(fields);
  const type = fields.role_type || previous.type;
  if (!isOneOf(ROLE_TYPES, type)) throw refusal(`invalid 'role_type': ${type.slice(0, 20)}`);
  const boundClaimsType = fields.bound_claims_type ?? previous.boundClaimsType;
  if (!isOneOf(BOUND_CLAIMS_TYPES, boundClaimsType)) {
    throw refusal(`invalid 'bound_claims_type': ${boundClaimsType.slice(0, 20)}`);
  }
  const given: { [K in keyof RoleEntry]?: RoleEntry[K] | undefined } = {
    boundAudiences: named(fields, 'bound_audiences'),
    boundSubject: fields.bound_subject,
    boundClaims: fields.bound_claims,
    claimMappings: fields.claim_mappings && mappings(fields.claim_mappings),
    userClaim: fields.user_claim,
    userClaimJsonPointer: fields.user_claim_json_pointer,
    groupsClaim: fields.groups_claim,
    expirationLeeway: leeway(fields, 'expiration_leeway'),
    notBeforeLeeway: leeway(fields, 'not_before_leeway'),
    clockSkewLeeway: leeway(fields, 'clock_skew_leeway'),
    scopes: named(fields, 'oidc_scopes'),
    redirectUris: named(fields, 'allowed_redirect_uris'),
    maxAge: fields.max_age,
  };
  const role: RoleEntry = {
    ...previous,
    ...(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<RoleEntry>),
    type,
    boundClaimsType,
    token: changeTokenParameters(previous.token, fields),
  };
  checkRole(role);
  return role;
}

function checkRole(role: RoleEntry): void {
  checkBoundClaims(role);
  if (role.userClaim === '') throw refusal('a user claim must be defined on the role');
  if (role.type === 'oidc') {
    if (role.redirectUris.length > 0) return;
    throw refusal("'allowed_redirect_uris' must be set if 'role_type' is 'oidc' or unspecified.");
  }
  const bound = [role.boundAudiences.length, role.token.boundCidrs.length, Object.keys(role.boundClaims).length];
  if (role.boundSubject === '' && bound.every((count) => count === 0)) {
    throw refusal('must have at least one bound constraint when creating/updating a role');
  }
}

function checkBoundClaims({ boundClaims, boundClaimsType }: RoleEntry): void {
  const claims = Object.entries(boundClaims);
  if (claims.length > MAX_CLAIMS) throw refusal(`'bound_claims' has more than ${MAX_CLAIMS} claims`);
  for (const [name, wanted] of claims) {
    for (const value of Array.isArray(wanted) ? (wanted as readonly JsonValue[]) : [wanted]) {
      if (boundClaimsType === 'glob' && typeof value !== 'string') throw refusal(`claim is not a string: ${name}`);
      const comparable = typeof value === 'number' ? Number.isSafeInteger(value) : !isContainer(value);
      if (!comparable) throw refusal(`bound claim is not a string, bool, int or list: ${name}`);
    }
  }
}

function isContainer(value: JsonValue): boolean {
  return value === null || Array.isArray(value) || isJsonObject(value);
}

function mappings(given: JsonObject): Readonly<Record<string, string>> {
  const targets = Object.values(given);
  if (!isStringMap(given)) throw refusal('field "claim_mappings" must be an object of strings');
  if (targets.length > MAX_CLAIMS) throw refusal(`'claim_mappings' has more than ${MAX_CLAIMS} claims`);
  if (targets.includes(RESERVED_METADATA)) {
    throw refusal(`metadata key "${RESERVED_METADATA}" is reserved and may not be a mapping destination`);
  }
  const twice = targets.find((target, index) => targets.indexOf(target) !== index);
  if (twice !== undefined) throw refusal(`multiple keys are mapped to metadata key ${JSON.stringify(twice)}`);
  return given;
}

function named(
  fields: Settings,
  name: 'bound_audiences' | 'oidc_scopes' | 'allowed_redirect_uris',
): readonly string[] | undefined {
  return fields[name] && checkNames(fields[name], name);
}

/** Whole seconds of a duration that may be negative. */
function leeway(
  fields: Settings,
  name: 'expiration_leeway' | 'not_before_leeway' | 'clock_skew_leeway',
): number | undefined {
  const text = fields[name];
  if (text === undefined) return undefined;
  const nanoseconds = parseNanoseconds(text);
  if (nanoseconds !== undefined) return Number(nanoseconds / 1_000_000_000n);
  throw refusal(`field "${name}" must be a duration such as 60 or "1m"; -1 for none`);
}

function isOneOf<T extends string>(words: readonly T[], given: string): given is T {
  return words.some((word) => word === given);
}

function refusal(message: string): CofferError {
  return new CofferError('invalid-request', message);
}
