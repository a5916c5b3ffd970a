import { CofferError, isCofferError, Secret } from '@coffer/base';
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
import { audiencesOf, checkClaims, type Claims, unverifiedClaims, verifyWithAny } from '@coffer/jwt-keys';
import type { ClusterKeys } from './cluster-keys.ts';
import { CONFIG_NAME, configOf, type KubernetesConfig } from './config-entry.ts';
import type { LocalServiceAccount } from './local-service-account.ts';
import { type RoleEntry, rolesOf } from './role-entry.ts';
import { checkAllowed, type ServiceAccount, serviceAccountOf } from './service-account.ts';
import { reviewToken } from './token-review.ts';

const FIELDS = {
  role: { type: 'string', default: '', description: 'The role.' },
  jwt: { type: 'string', default: '', description: "The service account's token." },
} as const;

/** What a cluster signs with. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512'];

/** `login`: a token for that of a service account. */
export function loginPaths(
  tokens: TokenStore,
  context: EngineContext,
  keys: ClusterKeys,
  local: LocalServiceAccount,
): Path[] {
  const login = async (request: PathRequest<typeof FIELDS>): Promise<PathResponse> => {
    const { fields, mountPath, remoteAddress } = request;
    const name = foldName(fields.role);
    if (name === '') throw refusal('missing role');
    if (fields.jwt === '') throw refusal('missing jwt');
    const role = await rolesOf(context.storage).read(name);
    if (role === undefined) throw refusal(`invalid role name ${JSON.stringify(fields.role)}`);
    checkLoginAddress(role.value.token, remoteAddress);
    const config = await configOf(context.storage).read(CONFIG_NAME);
    if (config === undefined) throw new CofferError('failed', 'could not load backend configuration');
    const token = new Secret(fields.jwt.trim());
    const claims = await claimsOf(keys, config.value, role.value, token);
    const account = serviceAccountOf(claims);
    checkAllowed(account, role.value);
    if (config.value.host !== '') await review(local, config.value, role.value, { token, claims, account });
    return issueLoginToken(tokens, context, {
      ...loginOf(account, name, role.value),
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
      loginRole: async ({ data: { role } }) => (typeof role === 'string' ? foldName(role) : undefined),
      synopsis: "Logs in with a service account's token.",
      write: (request) => loggedLogin(context, request, request.fields.role, () => login(request)),
    }),
  ];
}

function loginOf(account: ServiceAccount, roleName: string, role: RoleEntry) {
  const { namespace, name, uid, secretName } = account;
  const metadata = {
    service_account_name: name,
    service_account_namespace: namespace,
    service_account_secret_name: secretName,
    service_account_uid: uid,
  };
  return {
    displayName: `${namespace}-${name}`,
    metadata: { ...metadata, role: roleName },
    alias: { name: role.aliasNameSource === 'serviceaccount_uid' ? uid : `${namespace}/${name}`, metadata },
    parameters: role.token,
  };
}

/**
 * What a token claims. Where there are keys, one of them has signed it; otherwise this is only whom the API server will be asked about.
 * @throws CofferError `permission-denied`
 */
async function claimsOf(keys: ClusterKeys, config: KubernetesConfig, role: RoleEntry, token: Secret): Promise<Claims> {
  const sets = keys.of(config);
  let claims: Claims;
  try {
    claims =
      sets.length === 0 ? unverifiedClaims(token.reveal()) : await verifyWithAny(sets, token.reveal(), ALGORITHMS);
  } catch (thrown) {
    throw unauthorized(thrown);
  }
  try {
    checkClaims(claims, {
      issuer: config.disableIssValidation ? '' : config.issuer || DEFAULT_ISSUER,
      audiences: role.audience === '' ? [] : [role.audience],
      allowNoTimes: config.host !== '',
    });
    if (config.host === '') checkWithoutReview(claims, role);
  } catch (thrown) {
    throw new CofferError('permission-denied', CofferError.from(thrown).message);
  }
  return claims;
}

const DEFAULT_ISSUER = 'kubernetes/serviceaccount';

/**
 * Without a review nobody knows whether the service account is still there: the token must end by itself. And one that was made for
 * somebody else must not be good here as well.
 */
function checkWithoutReview(claims: Claims, role: RoleEntry): void {
  if (typeof claims['exp'] !== 'number') throw refusal('no expiration time (exp) claim in token');
  if (audiencesOf(claims).length > 0 && role.audience === '') {
    throw refusal('audience claim found in JWT but no audience bound to the role');
  }
}

async function review(
  local: LocalServiceAccount,
  config: KubernetesConfig,
  role: RoleEntry,
  { token, claims, account }: { readonly token: Secret; readonly claims: Claims; readonly account: ServiceAccount },
): Promise<void> {
  const audiences = role.audience === '' ? audiencesOf(claims) : [role.audience];
  try {
    await reviewToken(await local.apiServer(config), token, account, audiences);
  } catch (thrown) {
    throw unauthorized(thrown);
  }
}

/** As in Vault the caller learns no more than that; the log has the reason. */
function unauthorized(cause: unknown): unknown {
  if (!isCofferError(cause)) return cause;
  return new CofferError('permission-denied', 'permission denied', { cause });
}

function refusal(message: string): CofferError {
  return new CofferError('invalid-request', message);
}
