import { CofferError, Secret } from '@coffer/base';
import {
  changeTokenParameters,
  checkTokenLimits,
  definePath,
  type EngineContext,
  type EntryStorage,
  NEW_TOKEN_PARAMETERS,
  OLDER_TOKEN_FIELDS,
  type Path,
  TOKEN_FIELDS,
  type TokenParameters,
  tokenParametersView,
} from '@coffer/framework';
import type { PasswordHasher } from './password-hash.ts';
import { changeUser, readUser, usersOf, writeUser } from './user-entry.ts';

const USERNAME = { type: 'string', required: true, description: 'The user.' } as const;
const PASSWORD = { type: 'string', description: 'The password. Stored as an scrypt hash.' } as const;

const FIELDS = {
  username: USERNAME,
  password: PASSWORD,
  password_hash: { type: 'string', description: 'Not supported: send the password.' },
  ...TOKEN_FIELDS,
  policies: OLDER_TOKEN_FIELDS.policies,
  ttl: OLDER_TOKEN_FIELDS.ttl,
  max_ttl: OLDER_TOKEN_FIELDS.max_ttl,
  bound_cidrs: OLDER_TOKEN_FIELDS.bound_cidrs,
} as const;

/** `users` (LIST), `users/:username`, `users/:username/password`, `users/:username/policies`. */
export function usersPaths(context: EngineContext, hasher: PasswordHasher): Path[] {
  const { storage } = context;
  return [listUsers(storage), oneUser(context, hasher), password(storage, hasher), policies(storage)];
}

function listUsers(storage: EntryStorage): Path {
  return definePath({
    pattern: 'users',
    fields: {},
    synopsis: 'Lists the users.',
    list: async ({ page }) => ({ data: { keys: await storage.list('users/', page) } }),
  });
}

function oneUser({ storage, ttlLimits }: EngineContext, hasher: PasswordHasher): Path {
  return definePath({
    pattern: 'users/:username',
    foldedNames: ['username'],
    fields: FIELDS,
    synopsis: 'Manages a user: the password, and the settings of the tokens.',
    exists: async ({ username = '' }) => (await readUser(storage, username)) !== undefined,
    read: async ({ fields }) => {
      const user = await readUser(storage, fields.username);
      return user && { data: tokenParametersView(user.token) };
    },
    write: async ({ fields, warnings }) => {
      const previous = await readUser(storage, fields.username);
      if (fields.password_hash !== undefined) {
        throw new CofferError('invalid-request', 'field "password_hash" is not supported: send "password" instead');
      }
      const change = (token: TokenParameters): TokenParameters => changeTokenParameters(token, fields);
      const token = change(previous?.token ?? NEW_TOKEN_PARAMETERS);
      warnings.push(...checkTokenLimits(token, ttlLimits(), 'warn'));
      const given = fields.password ?? '';
      const passwordHash = given === '' ? undefined : await hasher.hash(new Secret(given));
      if (previous !== undefined) {
        await changeUser(storage, fields.username, (user) => ({
          passwordHash: passwordHash ?? user.passwordHash,
          token: change(user.token),
        }));
      } else if (passwordHash !== undefined) {
        await writeUser(storage, fields.username, { passwordHash, token });
      } else throw new CofferError('invalid-request', 'missing password');
      return undefined;
    },
    delete: async ({ fields }) => {
      await usersOf(storage).delete(fields.username);
      return undefined;
    },
  });
}

function password(storage: EntryStorage, hasher: PasswordHasher): Path {
  return definePath({
    pattern: 'users/:username/password',
    foldedNames: ['username'],
    fields: { username: USERNAME, password: PASSWORD },
    synopsis: "Changes a user's password.",
    write: async ({ fields }) => {
      await requireUser(storage, fields.username);
      if ((fields.password ?? '') === '') throw new CofferError('invalid-request', 'missing password');
      const passwordHash = await hasher.hash(new Secret(fields.password ?? ''));
      await changeUser(storage, fields.username, (user) => ({ ...user, passwordHash }));
      return undefined;
    },
  });
}

function policies(storage: EntryStorage): Path {
  return definePath({
    pattern: 'users/:username/policies',
    foldedNames: ['username'],
    fields: { username: USERNAME, policies: OLDER_TOKEN_FIELDS.policies, token_policies: TOKEN_FIELDS.token_policies },
    synopsis: "Changes a user's policies.",
    write: async ({ fields }) => {
      await requireUser(storage, fields.username);
      const { policies: older, token_policies: newer } = fields;
      await changeUser(storage, fields.username, (user) => ({
        ...user,
        token: changeTokenParameters(user.token, { policies: older, token_policies: newer }),
      }));
      return undefined;
    },
  });
}

async function requireUser(storage: EntryStorage, name: string): Promise<void> {
  if ((await readUser(storage, name)) === undefined) {
    throw new CofferError('invalid-request', 'username does not exist');
  }
}
