import { CofferError } from '@coffer/base';
import {
  checkLoginAddress,
  definePath,
  type EngineContext,
  foldName,
  issueLoginToken,
  loggedLogin,
  type Path,
  type PathRequest,
  type PathResponse,
  type TokenStore,
} from '@coffer/framework';
import { ALGORITHMS, audiencesOf, checkClaims, type Claims, verifyWithAny } from '@coffer/jwt-keys';
import { CONFIG_NAME, configOf, type JwtConfig } from './config-entry.ts';
import type { Issuers } from './issuers.ts';
import { userOfClaims } from './login-of-claims.ts';
import { type RoleEntry, rolesOf } from './role-entry.ts';

const FIELDS = {
  role: { type: 'string', default: '', description: 'The role. Empty: the configured default_role.' },
  jwt: { type: 'string', default: '', description: 'The signed JWT.' },
} as const;

/** `login`: a token for a JWT of the issuer. */
export function loginPaths(tokens: TokenStore, context: EngineContext, issuers: Issuers): Path[] {
  const login = async (request: PathRequest<typeof FIELDS>): Promise<PathResponse> => {
    const { fields, mountPath, remoteAddress } = request;
    const config = await configOf(context.storage).read(CONFIG_NAME);
    if (config === undefined) throw refusal('could not load configuration');
    const name = foldName(fields.role) || config.value.defaultRole;
    if (name === '') throw refusal('missing role');
    const role = await rolesOf(context.storage).read(name);
    if (role === undefined) throw refusal(`role ${JSON.stringify(name)} could not be found`);
    if (role.value.type === 'oidc') throw refusal('role with oidc role_type is not allowed');
    // A file with a token often ends in a line break.
    const token = fields.jwt.trim();
    if (token === '') throw refusal('missing token');
    checkLoginAddress(role.value.token, remoteAddress);
    const claims = await verifiedClaims(issuers, config.value, role.value, token);
    const alias = userOfClaims(claims, name, role.value);
    return issueLoginToken(tokens, context, {
      displayName: alias.name,
      metadata: alias.metadata,
      alias,
      parameters: role.value.token,
      path: `${mountPath}login`,
      remoteAddress,
      proof: [role.unchanged, config.unchanged],
    });
  };
  return [
    definePath({
      pattern: 'login',
      fields: FIELDS,
      unauthenticated: true,
      loginRole: async ({ data: { role } }) =>
        (typeof role === 'string' && foldName(role)) ||
        (await configOf(context.storage).get(CONFIG_NAME))?.defaultRole ||
        undefined,
      synopsis: 'Logs in with a JWT.',
      write: (request) => loggedLogin(context, request, request.fields.role, () => login(request)),
    }),
  ];
}

/** @throws CofferError `invalid-request` with the reason; where keys cannot be had, that is all it says: the log has more */
async function verifiedClaims(issuers: Issuers, config: JwtConfig, role: RoleEntry, token: string): Promise<Claims> {
  const algorithms = config.supportedAlgorithms.length > 0 ? config.supportedAlgorithms : ALGORITHMS;
  let claims: Claims;
  try {
    claims = await verifyWithAny(issuers.of(config).keys, token, algorithms);
  } catch (thrown) {
    const { code, message } = CofferError.from(thrown);
    const reason = code === 'failed' ? 'failed to get the keys of the issuer' : message;
    throw refusal(`error validating token: error verifying token signature: ${reason}`, thrown);
  }
  try {
    checkClaims(claims, {
      issuer: config.boundIssuer,
      subject: role.boundSubject,
      audiences: role.boundAudiences,
      expirationLeeway: role.expirationLeeway,
      notBeforeLeeway: role.notBeforeLeeway,
      clockSkewLeeway: role.clockSkewLeeway,
    });
  } catch (thrown) {
    throw refusal(`error validating token: ${CofferError.from(thrown).message}`);
  }
  if (audiencesOf(claims).length > 0 && role.boundAudiences.length === 0) {
    throw refusal('audience claim found in JWT but no audiences bound to the role');
  }
  return claims;
}

function refusal(message: string, cause?: unknown): CofferError {
  return new CofferError('invalid-request', message, { cause });
}
