import { type EngineFactory, LoginGuard, type TokenStore } from '@coffer/framework';
import { PasswordHasher } from './password-hash.ts';
import { loginPaths } from './path-login.ts';
import { usersPaths } from './path-users.ts';
import { renewLogin } from './renew-login.ts';

export { HASHING_LIMITS } from './hashing-queue.ts';

/** The auth method `userpass`: people with a name and a password (hashicorp/vault:builtin/credential/userpass). */
export function createUserpassAuth(tokens: TokenStore): EngineFactory {
  // One for all mounts, as its limits are those of the process.
  const hasher = new PasswordHasher();
  let mounts = 0;
  return (context) => {
    mounts++;
    return {
      help: 'The "userpass" credential provider allows authentication using a combination of a username and password.',
      paths: [
        ...loginPaths({ tokens, context, hasher, guard: new LoginGuard(context) }),
        ...usersPaths(context, hasher),
      ],
      renewToken: (token, increment) => renewLogin(context, token, increment),
      async close() {
        mounts--;
        if (mounts === 0) await hasher.end();
      },
    };
  };
}
