import { CofferError, Secret } from '@coffer/base';
import {
  checkLoginAddress,
  definePath,
  type EngineContext,
  issueLoginToken,
  type LoginGuard,
  loggedLogin,
  type Path,
  type PathRequest,
  type PathResponse,
  type TokenStore,
} from '@coffer/framework';
import type { PasswordHasher } from './password-hash.ts';
import { findUser } from './user-entry.ts';

const FIELDS = {
  username: { type: 'string', required: true, description: 'The user.' },
  password: { type: 'string', default: '', description: 'The password.' },
} as const;

interface LoginParts {
  readonly tokens: TokenStore;
  readonly context: EngineContext;
  readonly hasher: PasswordHasher;
  readonly guard: LoginGuard;
}

/** `login/:username`: a token for a user's password. */
export function loginPaths({ tokens, context, hasher, guard }: LoginParts): Path[] {
  const login = async ({ fields, mountPath, remoteAddress }: PathRequest<typeof FIELDS>): Promise<PathResponse> => {
    if (fields.password === '') throw new CofferError('invalid-request', 'missing password');
    const { username } = fields;
    const password = new Secret(fields.password);
    const found = await findUser(context.storage, username);
    const attempt = { name: username, exists: found !== undefined };
    await guard.check(attempt);
    const verified = found
      ? await hasher.verify(found.user.passwordHash, password, remoteAddress)
      : await hasher.verifyNobody(password, remoteAddress);
    if (found === undefined || !verified) {
      const wrong = new CofferError('invalid-request', 'invalid username or password');
      throw await guard.failed(attempt, wrong);
    }
    const { user, unchanged } = found;
    checkLoginAddress(user.token, remoteAddress);
    await guard.passed(attempt);
    return issueLoginToken(tokens, context, {
      displayName: username,
      metadata: { username },
      alias: { name: username },
      parameters: user.token,
      path: `${mountPath}login/${username}`,
      remoteAddress,
      proof: [unchanged],
    });
  };
  return [
    definePath({
      pattern: 'login/:username',
      foldedNames: ['username'],
      fields: FIELDS,
      unauthenticated: true,
      synopsis: 'Logs in with a user name and a password.',
      write: (request) => loggedLogin(context, request, request.fields.username, () => login(request)),
    }),
  ];
}
