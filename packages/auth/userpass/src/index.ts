import type { CoreServices, EngineFactory } from '@coffer/core';
import { loginPaths, renewLogin } from './path-login.ts';
import { usersPaths } from './path-users.ts';

/** The auth method `userpass`: people with a name and a password (hashicorp/vault:builtin/credential/userpass). */
export function createUserpassAuth(services: CoreServices): EngineFactory {
  return (context) => ({
    help: 'The "userpass" credential provider allows authentication using a combination of a username and password.',
    paths: [...loginPaths(services, context), ...usersPaths(context.storage)],
    renewToken: (token, increment) => renewLogin(context, token, increment),
    close: () => Promise.resolve(),
  });
}
