import { CofferError } from '@coffer/base';
import {
  cidrsAllow,
  type Condition,
  type CoreServices,
  definePath,
  type EngineContext,
  grantLoginRenewal,
  issueLoginToken,
  type Path,
  type TokenEntry,
  type TtlAnswer,
} from '@coffer/core';
import { readRole, type RoleEntry, roleOfId } from './role-entry.ts';
import { checkAddress, type SecretIdEntry, type SecretIds } from './secret-ids.ts';

/** `login`: a token for a role id and a secret id. */
export function loginPaths({ tokens }: CoreServices, context: EngineContext, secretIds: SecretIds): Path[] {
  return [
    definePath({
      pattern: 'login',
      fields: {
        role_id: { type: 'string', default: '', description: "The role's id." },
        secret_id: { type: 'string', default: '', description: 'A secret id of the role, unless it needs none.' },
      },
      unauthenticated: true,
      synopsis: 'Logs in with a role id and a secret id.',
      write: async ({ fields, mountPath, remoteAddress }) => {
        if (fields.role_id === '') throw new CofferError('invalid-request', 'missing role_id');
        const found = await roleOfId(context.storage, fields.role_id.trim());
        if (found === undefined) throw invalidLogin();
        const { name, role, unchanged } = found;
        if (!cidrsAllow(role.token.boundCidrs, remoteAddress)) {
          throw new CofferError('permission-denied', 'login request originated from invalid CIDR');
        }
        const secretId = await useSecretId(secretIds, name, role, fields.secret_id.trim(), remoteAddress);
        const { entry, proof } = secretId ?? { proof: [] };
        return issueLoginToken(tokens, context, {
          displayName: '',
          metadata: { ...entry?.metadata, role_name: name },
          parameters: role.token,
          path: `${mountPath}login`,
          remoteAddress,
          proof: [unchanged, ...proof],
          ...(entry && { boundCidrs: entry.tokenBoundCidrs }),
        });
      },
    }),
  ];
}

async function useSecretId(
  secretIds: SecretIds,
  name: string,
  role: RoleEntry,
  secretId: string,
  address: string,
): Promise<{ readonly entry?: SecretIdEntry; readonly proof: readonly Condition[] } | undefined> {
  if (!role.bindSecretId) {
    checkAddress([role.secretIdBoundCidrs], address);
    return undefined;
  }
  if (secretId === '') throw new CofferError('invalid-request', 'missing secret_id');
  const used = await secretIds.use(name, role, secretId, address);
  if (used === undefined) throw invalidLogin();
  return used;
}

/** One text for both, so that nobody can try role ids by themselves. */
function invalidLogin(): CofferError {
  return new CofferError('invalid-request', 'invalid role or secret ID');
}

/** A renewal ends with the role. */
export async function renewLogin(context: EngineContext, token: TokenEntry, increment: number): Promise<TtlAnswer> {
  const name = token.meta?.['role_name'] ?? '';
  const role = await readRole(context.storage, name);
  if (role === undefined) {
    throw new CofferError('invalid-request', `role ${JSON.stringify(name)} does not exist during renewal`);
  }
  return grantLoginRenewal(token, role.token, context, increment);
}
