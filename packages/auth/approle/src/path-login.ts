import { CofferError } from '@coffer/base';
import {
  canonicalCidrs,
  checkLoginAddress,
  type Condition,
  definePath,
  type EngineContext,
  issueLoginToken,
  loggedLogin,
  loginCidrs,
  type LoginGuard,
  type Path,
  type TokenStore,
} from '@coffer/framework';
import { newRole, roleOfId } from './role-entry.ts';
import { checkAddress, type SecretIdEntry, type SecretIds } from './secret-ids.ts';

interface LoginParts {
  readonly tokens: TokenStore;
  readonly context: EngineContext;
  readonly secretIds: SecretIds;
  readonly guard: LoginGuard;
}

/** `login`: a token for a role id and a secret id. */
export function loginPaths({ tokens, context, secretIds, guard }: LoginParts): Path[] {
  return [
    definePath({
      pattern: 'login',
      fields: {
        role_id: { type: 'string', default: '', description: "The role's ID." },
        secret_id: {
          type: 'string',
          default: '',
          description: 'A secret ID of the role. Not needed if bind_secret_id is false.',
        },
      },
      unauthenticated: true,
      synopsis: 'Logs in with a role ID and a secret ID.',
      loginRole: async ({ data: { role_id } }) =>
        typeof role_id === 'string' ? (await roleOfId(context.storage, role_id.trim()))?.name : undefined,
      write: async (request) => {
        const { fields, mountPath, remoteAddress } = request;
        const roleId = fields.role_id.trim();
        const found = await roleOfId(context.storage, roleId);
        const { name, role } = found ?? NOBODY;
        // The log line of a failure has no role id: somebody may have sent the secret id in its place.
        return loggedLogin(context, request, name, async () => {
          if (fields.role_id === '') throw new CofferError('invalid-request', 'missing role_id');
          const attempt = { name: roleId, exists: found !== undefined };
          await guard.check(attempt);
          const used = await useSecretId(secretIds, { name, role }, fields.secret_id.trim(), remoteAddress);
          // One text for both, so that nobody can probe for role ids.
          const wrong = new CofferError('invalid-request', 'invalid role or secret ID');
          if (used === undefined) throw await guard.failed(attempt, wrong);
          await guard.passed(attempt);
          const { entry, proof } = used;
          const metadata = { ...entry?.metadata, role_name: name };
          return issueLoginToken(tokens, context, {
            displayName: '',
            metadata,
            alias: { name: role.roleId, metadata },
            parameters: role.token,
            path: `${mountPath}login`,
            remoteAddress,
            proof: [...(found ? [found.unchanged] : []), ...proof],
            ...(entry && { boundCidrs: canonicalCidrs(entry.tokenBoundCidrs) }),
          });
        });
      },
    }),
  ];
}

/** Stands in for a role id that does not exist: its login takes the same steps as one with a wrong secret id. */
const NOBODY = { name: '', role: newRole() };

/** What shows that the caller may have the role; undefined when the secret id is none of it. */
async function useSecretId(
  secretIds: SecretIds,
  { name, role }: typeof NOBODY,
  secretId: string,
  remoteAddress: string,
): Promise<{ readonly entry?: SecretIdEntry; readonly proof: readonly Condition[] } | undefined> {
  const check = (entry?: SecretIdEntry): void => {
    checkAddress([role.secretIdBoundCidrs, entry?.boundCidrs ?? []].map(canonicalCidrs), remoteAddress);
    checkLoginAddress(role.token, remoteAddress);
    loginCidrs({ parameters: role.token, boundCidrs: canonicalCidrs(entry?.tokenBoundCidrs ?? []), remoteAddress });
  };
  if (!role.bindSecretId) {
    check();
    return { proof: [] };
  }
  if (secretId === '') throw new CofferError('invalid-request', 'missing secret_id');
  return secretIds.use(name, role, secretId, check);
}
