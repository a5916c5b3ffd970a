import { type EngineFactory, LoginGuard, type TokenStore } from '@coffer/framework';
import { loginPaths } from './path-login.ts';
import { rolePaths } from './path-role.ts';
import { roleCustomSecretIdPaths } from './path-role-custom-secret-id.ts';
import { roleSecretIdPaths } from './path-role-secret-id.ts';
import { tidySecretIdPaths } from './path-tidy-secret-id.ts';
import { renewLogin } from './renew-login.ts';
import { SecretIds } from './secret-ids.ts';

/** The auth method `approle`: machines with a role id and a secret id (hashicorp/vault:builtin/credential/approle). */
export function createAppRoleAuth(tokens: TokenStore): EngineFactory {
  return (context) => {
    const secretIds = new SecretIds(context.storage);
    return {
      help: 'Any registered Role can authenticate itself with Vault. The credentials depends on the constraints that are set on the Role.',
      paths: [
        ...loginPaths({ tokens, context, secretIds, guard: new LoginGuard(context) }),
        ...rolePaths(context, secretIds),
        ...roleSecretIdPaths(context, secretIds),
        ...roleCustomSecretIdPaths(context.storage, secretIds),
        ...tidySecretIdPaths(secretIds),
      ],
      renewToken: (token, increment) => renewLogin(context, token, increment),
      close: () => Promise.resolve(),
    };
  };
}
