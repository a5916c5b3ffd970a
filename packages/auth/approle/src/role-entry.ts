import { randomBytes } from 'node:crypto';
import { CofferError, randomId } from '@coffer/base';
import {
  type Condition,
  type Entries,
  type EntryStorage,
  NEW_TOKEN_PARAMETERS,
  STORED_TOKEN_PARAMETERS,
  stored,
  type TokenParameters,
} from '@coffer/framework';

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

const { boolean, entry, integer, string, strings } = stored;
const ROLE = entry<RoleEntry>({
  roleId: string(),
  hmacKey: string(),
  bindSecretId: boolean(),
  secretIdTtl: integer(),
  secretIdNumUses: integer(),
  secretIdBoundCidrs: strings(),
  token: STORED_TOKEN_PARAMETERS,
});
/** By role id: the name of the role that has it. */
const HOLDER = entry<{ readonly name: string }>({ name: string() });

function rolesOf(storage: EntryStorage): Entries<RoleEntry> {
  return storage.kept('role/', ROLE);
}

function holdersOf(storage: EntryStorage): Entries<{ readonly name: string }> {
  return storage.kept('role-id/', HOLDER);
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
  return rolesOf(storage).get(name);
}

/**
 * Writes a new role and the index by its role id. A crash between the two leaves an index entry that {@link roleOfId} checks.
 * @throws CofferError `invalid-request` for a role id in use, and for a role that anybody could log in to
 */
export async function createRole(storage: EntryStorage, name: string, role: RoleEntry): Promise<void> {
  checkConstraint(role);
  await indexRoleId(storage, name, role.roleId);
  await rolesOf(storage).put(name, role);
}

/**
 * Changes a role as it is when the change is written: one that was deleted stays deleted, and what somebody else took away
 * meanwhile stays away. `change` may be asked more than once.
 * @throws CofferError as {@link createRole}; `not-found` when there is no such role
 */
export async function changeRole(
  storage: EntryStorage,
  name: string,
  change: (role: RoleEntry) => RoleEntry,
): Promise<void> {
  const changed = change(await requireRole(storage, name));
  checkConstraint(changed);
  await indexRoleId(storage, name, changed.roleId);
  const replaced = await rolesOf(storage).update(name, (role) => {
    const next = change(role);
    checkConstraint(next);
    return next;
  });
  const kept = replaced && change(replaced).roleId;
  for (const roleId of new Set([changed.roleId, replaced?.roleId ?? changed.roleId])) {
    if (roleId !== kept) await holdersOf(storage).delete(roleId);
  }
  if (replaced === undefined) throw missingRole(name);
}

/** @throws CofferError `invalid-request` for a role that anybody could log in to */
function checkConstraint(role: RoleEntry): void {
  if (!role.bindSecretId && role.secretIdBoundCidrs.length === 0 && role.token.boundCidrs.length === 0) {
    throw new CofferError(
      'invalid-request',
      'at least one constraint should be enabled on the role: bind_secret_id, secret_id_bound_cidrs or token_bound_cidrs',
    );
  }
}

/** Returns whether there was one. */
export async function deleteRole(storage: EntryStorage, name: string): Promise<boolean> {
  const role = await rolesOf(storage).take(name);
  if (role !== undefined) await holdersOf(storage).delete(role.roleId);
  return role !== undefined;
}

async function indexRoleId(storage: EntryStorage, name: string, roleId: string): Promise<void> {
  // Who holds it may have changed since the request began.
  const holder = await holdersOf(storage).getNow(roleId);
  if (holder?.name === name) return;
  if (holder !== undefined && (await rolesOf(storage).getNow(holder.name))?.roleId === roleId) {
    throw new CofferError('invalid-request', 'role_id already in use');
  }
  await holdersOf(storage).put(roleId, { name });
}

/** The role that logs in with this role id, with the condition that it is still as it was read. */
export async function roleOfId(
  storage: EntryStorage,
  roleId: string,
): Promise<{ readonly name: string; readonly role: RoleEntry; readonly unchanged: Condition } | undefined> {
  // From the store, where also those are looked for that are not there: the time must not tell who is.
  const holder = await holdersOf(storage).getNow(roleId);
  const found = await rolesOf(storage).read(holder?.name ?? '');
  if (holder === undefined || found?.value.roleId !== roleId) return undefined;
  return { name: holder.name, role: found.value, unchanged: found.unchanged };
}

export async function requireRole(storage: EntryStorage, name: string): Promise<RoleEntry> {
  const role = await readRole(storage, name);
  if (role === undefined) throw missingRole(name);
  return role;
}

function missingRole(name: string): CofferError {
  return new CofferError('not-found', `role ${JSON.stringify(name)} does not exist`);
}
