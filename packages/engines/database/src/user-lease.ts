import {
  CofferError,
  formatTime,
  isCofferError,
  isNothingDone,
  isOutcomeUnknown,
  type JsonObject,
  mayLandUntil,
  mayStillLand,
  requireTime,
  Secret,
  underClaim,
} from '@coffer/base';
import {
  cleanDisplayName,
  grantTtl,
  type Lease,
  type CreatingLease,
  stored,
  type PathResponse,
  type TokenEntry,
  type TtlAnswer,
  untilTime,
} from '@coffer/framework';
import { type Database, saysMayLand } from '@coffer/database-plugin';
import { checkAllowed, type ConfigEntry } from './config-entry.ts';
import type { EngineParts } from './engine-parts.ts';
import { readRole, type RoleEntry } from './role-entry.ts';

/**
 * VALID UNTIL lies this many milliseconds behind the lease's end, so that the database never cuts off a lease that is
 * still alive (hashicorp/vault:builtin/logical/database/path_creds_create.go).
 */
const EXPIRATION_BUFFER_MS = 5_000;

/** What revocation and renewal need. A deleted role stays revocable: its statements are here. */
export interface UserData {
  /** Empty when a foreign plugin was asked and never answered. */
  readonly username: string;
  readonly role: string;
  readonly dbName: string;
  readonly revocationStatements: readonly string[];
  /** The database's VALID UNTIL, in milliseconds since 1970. */
  readonly validUntil: number;
  /** Until when an unanswered creation may still land, in milliseconds since 1970. */
  readonly mayLandUntil?: number;
  /** While it is made: the mark of the sessions that make it. */
  readonly sessionMark?: string;
}

const { entry, integer, optional, string, strings } = stored;
const USER_DATA = entry<UserData>({
  username: string(),
  role: string(),
  dbName: string(),
  revocationStatements: strings(),
  // 0: it was not written down, so it covers no lease.
  validUntil: integer(0),
  mayLandUntil: optional(integer()),
  sessionMark: optional(string()),
});

/** What is needed to renew or end a login. */
type UserParts = Pick<EngineParts, 'context' | 'connections'>;

export interface IssueRequest {
  readonly roleName: string;
  readonly role: RoleEntry;
  readonly token: TokenEntry;
  readonly path: string;
}

/**
 * Makes a login. When a node fell silent over it, another one is made under another name: the row of the first stays, and what
 * may come of it is revoked.
 */
export function issueUser(parts: Omit<EngineParts, 'plugins'>, request: IssueRequest): Promise<PathResponse> {
  return parts.connections.use(request.role.dbName, async (database, config) => {
    try {
      return await issueOnce(parts, request, database, config);
    } catch (error) {
      if (!saysMayLand(error)) throw error;
    }
    requireTime();
    return await issueOnce(parts, request, database, config);
  });
}

/** The row of a lease in state `creating`, then the user, then the lease is active (DESIGN invariant 1). */
async function issueOnce(
  parts: Omit<EngineParts, 'plugins'>,
  request: IssueRequest,
  database: Database,
  config: ConfigEntry,
): Promise<PathResponse> {
  const { roleName, role, token, path } = request;
  checkAllowed(config, roleName);
  const now = Date.now();
  const limits = [
    { defaultTtl: role.defaultTtl, maxTtl: role.maxTtl },
    ...parts.context.ttlLimits(),
    ...untilTime(token.type === 'batch' ? token.expireTime : undefined, now),
  ];
  const granted = grantTtl({ increment: 0, limits, issueTime: now, now });
  const { ttl, ceiling } = granted;
  const warnings = [...granted.warnings];
  const validUntil = validUntilFor(role, now + ttl * 1000, ceiling);
  const password = new Secret(await parts.generatePassword(role.passwordPolicy || config.passwordPolicy));
  const usernameConfig = { displayName: cleanDisplayName(token.displayName), roleName };
  const named = await database.nameUser?.(usernameConfig);
  const sessionMark = named && (await database.sessionMark?.(role.creationStatements));
  const data: UserData = {
    username: named ?? '',
    role: roleName,
    dbName: role.dbName,
    revocationStatements: role.revocationStatements,
    validUntil,
  };
  const creating = await parts.context.leases.begin({
    path,
    token,
    renewable: true,
    data: { ...data, ...(sessionMark !== undefined && { sessionMark }) },
    issueTime: now,
    expireTime: now + ttl * 1000,
  });
  const username = await createUser(
    database,
    { role, creating, data },
    {
      usernameConfig,
      ...(named !== undefined && { username: named }),
      password,
      expiration: new Date(validUntil),
      warn: (warning) => warnings.push(warning),
    },
  );
  await creating.activate({ ...data, username });
  return {
    data: { password: password.reveal(), username },
    lease: { id: creating.id, durationSeconds: ttl, renewable: true },
    warnings,
  };
}

function validUntilFor(role: RoleEntry, leaseEnd: number, ceiling: number): number {
  return (role.validUntil === 'max_ttl' ? ceiling : leaseEnd) + EXPIRATION_BUFFER_MS;
}

type UserToCreate = Omit<Parameters<Database['newUser']>[0], 'statements' | 'rollbackStatements'>;

async function createUser(
  database: Database,
  { role, creating, data }: { role: RoleEntry; creating: CreatingLease; data: UserData },
  user: UserToCreate,
): Promise<string> {
  try {
    const { creationStatements: statements, rollbackStatements } = role;
    return await underClaim(creating.requireMine, async () => {
      await creating.requireMine();
      return database.newUser({ ...user, statements, rollbackStatements });
    });
  } catch (error) {
    // `unavailable` is the only code with which a user may exist: the row stays then, and revocation ends what there is.
    const known = isOutcomeUnknown(error) ? { ...data, mayLandUntil: mayLandUntil() } : data;
    await creating.abandon(!isCofferError(error, 'unavailable') || isNothingDone(error), { ...known });
    throw error;
  }
}

/** Extends a login's VALID UNTIL to what the role allows now; without SQL when it is late enough already. */
export async function renewUser(
  { context, connections }: UserParts,
  lease: Lease,
  increment: number,
): Promise<TtlAnswer & { readonly data?: JsonObject }> {
  const data = userData(lease);
  const role = await readRole(context.storage, data.role);
  if (role === undefined) {
    throw new CofferError(
      'invalid-request',
      `error during renew: could not find role with name: ${JSON.stringify(data.role)}`,
    );
  }
  const now = Date.now();
  const granted = grantTtl({
    increment,
    limits: [
      { defaultTtl: role.defaultTtl, maxTtl: role.maxTtl },
      ...context.ttlLimits(),
      ...untilTime(lease.latestExpireTime, lease.issueTime),
    ],
    issueTime: lease.issueTime,
    now,
  });
  const leaseEnd = now + granted.ttl * 1000;
  if (role.validUntil === 'max_ttl' && data.validUntil >= leaseEnd + EXPIRATION_BUFFER_MS) return granted;
  const validUntil = validUntilFor(role, leaseEnd, granted.ceiling);
  const warnings = [...granted.warnings];
  await connections.use(data.dbName, (database) =>
    database.updateUser({
      username: data.username,
      expiration: { newExpiration: new Date(validUntil), statements: role.renewStatements },
      warn: (warning) => warnings.push(warning),
    }),
  );
  return { ...granted, warnings, data: { ...data, validUntil } };
}

/**
 * Ends a login. Resolves with a text when sessions of it may go on.
 * @throws CofferError `unavailable` for one that may still appear: it is dropped again later
 */
export async function revokeUser({ context, connections }: UserParts, lease: Lease): Promise<string | undefined> {
  const data = userData(lease);
  if (data.username === '') {
    context.logger.warn(
      'a plugin that chooses user names never said whether it created one; that user stays until VALID UNTIL',
      {
        lease_id: lease.id,
        connection: data.dbName,
      },
    );
    return undefined;
  }
  const { over, nodes } = await connections.use(data.dbName, async (database) => {
    const ended = await endDeadSessions(database, lease, data);
    // Its sessions are all that was left of it the last time.
    const known = lease.lastError === null ? [] : await owedNodes(database, data);
    if (known.length > 0) return { over: ended, nodes: known };
    await database.deleteUser({ username: data.username, statements: data.revocationStatements });
    return { over: ended, nodes: await owedNodes(database, data) };
  });
  const until = data.mayLandUntil ?? lease.creation?.mayLandUntil;
  if (over || until === undefined || !mayStillLand(until)) {
    return nodes.length === 0
      ? undefined
      : `the user ${JSON.stringify(data.username)} is gone, but its sessions may still be open: ${nodes.length} of the ` +
          `nodes could not be reached, or have not ended them yet: ${nodes.join(', ')}`;
  }
  throw new CofferError(
    'unavailable',
    `${makerOf(lease)} never said whether it made ${JSON.stringify(data.username)}, and the database may still do so: it is ` +
      `dropped again after ${formatTime(until)}`,
  );
}

function makerOf({ creation }: Lease): string {
  if (creation === undefined) return 'the plugin';
  return creation.process === undefined ? 'the server process that was at it' : 'the server process before this one';
}

async function owedNodes(database: Database, { username }: UserData): Promise<readonly string[]> {
  return (await database.owedSessions?.(username)) ?? [];
}

/**
 * Ends what a dead process has left at work on this login. True when nothing of it can take effect any more. A plugin's process may
 * outlive its server for a moment and open another session, so there the end of its sessions proves nothing yet.
 */
async function endDeadSessions(database: Database, { creation }: Lease, { sessionMark }: UserData): Promise<boolean> {
  if (creation?.process === undefined || sessionMark === undefined) return false;
  const ended = await database.endMarkedSessions?.(sessionMark);
  return ended === true && sessionMark === creation.process;
}

export function userData({ id, data }: Lease): UserData {
  return USER_DATA(data, `leases/${id}`, 'data');
}
