import type { EngineFactory, TokenStore } from '@coffer/framework';
import { loginPaths, renewLogin } from './path-login.ts';
import { rolePaths } from './path-role.ts';
import { secretIdPaths } from './path-secret-id.ts';
import { SecretIds } from './secret-ids.ts';

/** The auth method `approle`: machines with a role id and a secret id (hashicorp/vault:builtin/credential/approle). */
export function createAppRoleAuth(tokens: TokenStore): EngineFactory {
  return (context) => {
    const secretIds = new SecretIds(context.storage);
    return {
      help: 'Any registered Role can authenticate itself with Vault. The credentials depends on the constraints that are set on the Role.',
      paths: [
        ...loginPaths(tokens, context, secretIds),
        ...rolePaths(context.storage, secretIds),
        ...secretIdPaths(context.storage, secretIds),
      ],
      renewToken: (token, increment) => renewLogin(context, token, increment),
      close: () => Promise.resolve(),
    };
  };
}
