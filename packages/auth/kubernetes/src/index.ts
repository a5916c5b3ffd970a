import type { EngineFactory, TokenStore } from '@coffer/framework';
import { ClusterKeys } from './cluster-keys.ts';
import { LocalServiceAccount } from './local-service-account.ts';
import { configPaths } from './path-config.ts';
import { loginPaths } from './path-login.ts';
import { rolePaths } from './path-role.ts';
import { renewLogin } from './renew-login.ts';

/** The auth method `kubernetes`: pods with the token of their service account (hashicorp/vault-plugin-auth-kubernetes). */
export function createKubernetesAuth(tokens: TokenStore): EngineFactory {
  return (context) => ({
    help: 'The Kubernetes Auth Backend allows authentication for Kubernetes service accounts.',
    paths: [
      ...loginPaths(tokens, context, new ClusterKeys(), new LocalServiceAccount()),
      ...rolePaths(context),
      ...configPaths(context.storage),
    ],
    renewToken: (token, increment) => renewLogin(context, token, increment),
    close: () => Promise.resolve(),
  });
}
