import { randomBytes } from 'node:crypto';
import { CofferError, randomId } from '@coffer/base';
import { type Condition, type EntryStorage, NEW_TOKEN_PARAMETERS, type TokenParameters } from '@coffer/core';

/** Durations in seconds, 0 for "no end" or "not set here". */
export interface RoleEntry {
  readonly roleId: string;
  /** Base64. Names the role's secret ids in the store, where they themselves are nowhere. */
  readonly hmacKey: string;
  readonly bindSecretId: boolean;
  readonly secretIdTtl: number;
  readonly secretIdNumUses: number;
  readonly secretIdBoundCidrs: readonly string[];
  readonly token: TokenParameters;
}

export function newRole(): RoleEntry {
  return {
    roleId: randomId(),
    hmacKey: randomBytes(32).toString('base64'),
    bindSecretId: true,
    secretIdTtl: 0,
    secretIdNumUses: 0,
    secretIdBoundCidrs: [],
    token: NEW_TOKEN_PARAMETERS,
  };
}

/** Role names do not distinguish case, as in Vault: the paths fold them. */
export async function readRole(storage: EntryStorage, name: string): Promise<RoleEntry | undefined> {
  return (await storage.get(`role/${name}`)) as unknown as RoleEntry | undefined;
}

/**
 * Writes a role and the index by its role id. A crash between the two leaves an index entry that {@link roleOfId} checks.
 * @throws CofferError `invalid-request` for a role id in use, and for a role that anybody could log in to; `not-found` when it was
 *   there `before` and has been deleted
 */
export async function writeRole(
  storage: EntryStorage,
  name: string,
  role: RoleEntry,
  before?: RoleEntry,
): Promise<void> {
  if (!role.bindSecretId && role.secretIdBoundCidrs.length === 0 && role.token.boundCidrs.length === 0) {
    throw new CofferError(
      'invalid-request',
      'at least one constraint should be enabled on the role: bind_secret_id, secret_id_bound_cidrs or token_bound_cidrs',
    );
  }
  const holder = await roleOfId(storage, role.roleId);
  if (holder !== undefined && holder.name !== name) {
    throw new CofferError('invalid-request', 'role_id already in use');
  }
  await storage.put(`role-id/${role.roleId}`, { name });
  const value = { ...role, token: { ...role.token } };
  if (before === undefined) await storage.put(`role/${name}`, value);
  else if ((await storage.update(`role/${name}`, () => value)) === undefined) {
    // Deleted meanwhile, and stays so.
    await storage.delete(`role-id/${role.roleId}`);
    throw missingRole(name);
  }
  if (before !== undefined && before.roleId !== role.roleId) await storage.delete(`role-id/${before.roleId}`);
}

/** The role that logs in with this role id, with the condition that it is still as it was read. */
export async function roleOfId(
  storage: EntryStorage,
  roleId: string,
): Promise<{ readonly name: string; readonly role: RoleEntry; readonly unchanged: Condition } | undefined> {
  const name = (await storage.get(`role-id/${roleId}`))?.['name'];
  // Read also when there is none, so that the time does not tell.
  const found = await storage.read(`role/${typeof name === 'string' ? name : ''}`);
  const role = found?.value as unknown as RoleEntry | undefined;
  if (typeof name !== 'string' || found === undefined || role?.roleId !== roleId) return undefined;
  return { name, role, unchanged: found.unchanged };
}

export async function requireRole(storage: EntryStorage, name: string): Promise<RoleEntry> {
  const role = await readRole(storage, name);
  if (role === undefined) throw missingRole(name);
  return role;
}

function missingRole(name: string): CofferError {
  return new CofferError('not-found', `role ${JSON.stringify(name)} does not exist`);
}
