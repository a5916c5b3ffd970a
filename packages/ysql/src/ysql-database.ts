import { setTimeout as sleep } from 'node:timers/promises';
import {
  CofferError,
  errorText,
  formatTimeSeconds,
  isAscii,
  type JsonObject,
  type Logger,
  type Metrics,
  NO_METRICS,
  PROCESS_ID,
  type Secret,
  withoutDeadline,
} from '@coffer/base';
import type {
  Database,
  DatabaseKind,
  DeleteUserRequest,
  InitializeRequest,
  LoginAnswer,
  NewUserRequest,
  UpdateUserRequest,
  UsernameConfig,
} from '@coffer/database-plugin';
import { asCofferError, FIELD_ALIASES } from '@coffer/yb-connection';
import { endSessionsOfDead } from './ddl/dead-process.ts';
import { YSQL_FIELDS } from './settings/fields.ts';
import { parseSettings, type YsqlSettings } from './settings/settings.ts';
import { createNameMaker, type NameMaker, type Username } from './settings/username.ts';
import { roleName } from './sql/role-name.ts';
import { checkStatements, renderStatements, renderStatementsFor } from './sql/statement-template.ts';
import { createUser } from './users/create-user.ts';
import { dropRole, dropRoles, revocationStatements, revokeUser } from './users/drop-user.ts';
import { convertsText, storedPassword } from './users/stored-password.ts';
import { tell } from './users/tell-warnings.ts';
import {
  changeExpiration,
  changeOwnPassword,
  changeUser,
  DEFAULT_EXPIRATION_STATEMENT,
  DEFAULT_PASSWORD_STATEMENT,
} from './users/update-user.ts';
import { closeAccess, createUserAccess, type UserAccess } from './users/user-access.ts';
import { verifyUser } from './users/verify-user.ts';

/** How long work under way may take to finish, or to be undone, before its connections are closed. */
const DRAIN_MS = 30_000;
/** A name that we have forgotten only costs a look when it is used. */
const MAX_UNUSED = 1_000;

/**
 * The `ysql` database: users of a YugabyteDB cluster (or of a PostgreSQL server). Connects to nothing until it has to. Each
 * instance knows one cluster, and shares no state with any other.
 */
export const YSQL: DatabaseKind = {
  fields: [...YSQL_FIELDS, ...[...FIELD_ALIASES.keys()].map((name) => ({ name }))],
  checkStatements,
  create: (logger, metrics) => new YsqlDatabase(logger, metrics),
};

/** One configuration in use. */
interface Connected {
  readonly access: UserAccess;
  readonly makeName: NameMaker;
  /** By dead process: whether its sessions have ended everywhere, while that is being found out. */
  readonly dead: Map<string, Promise<boolean>>;
}

class YsqlDatabase implements Database {
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  #connected: Connected | undefined;
  readonly #work = new Set<Promise<unknown>>();
  /** Unique names that have been given out and not been used yet. */
  readonly #unused = new Set<string>();

  constructor(logger: Logger, metrics: Metrics = NO_METRICS) {
    this.#logger = logger;
    this.#metrics = metrics;
  }

  async initialize(request: InitializeRequest): Promise<JsonObject> {
    const settings = parseSettings(request.config, (message) => this.#logger.warn(message));
    const access = createUserAccess(settings, this.#logger, this.#metrics);
    const connected: Connected = { access, makeName: createNameMaker(settings.usernameTemplate), dead: new Map() };
    if (request.verifyConnection) await this.#verify(access);
    const former = this.#connected;
    this.#connected = connected;
    if (former !== undefined) await this.#drain(former);
    return request.config;
  }

  async newUser(request: NewUserRequest): Promise<string> {
    return await this.#run(request.password, async ({ access, makeName }, password) => {
      const { name, unique } = this.#nameOf(request, makeName);
      if (!isAscii(name) && (await convertsText(access))) {
        throw new CofferError(
          'invalid-request',
          "username: it has characters outside ASCII, and the database's encoding is not UTF8: nobody could log in with it",
        );
      }
      const values = {
        name,
        username: name,
        password,
        expiration: formatTimeSeconds(request.expiration.getTime()),
      };
      const statements = renderStatementsFor('creation', request.statements, values);
      if (statements.length === 0) throw new CofferError('invalid-request', 'empty creation statements');
      const rollbackStatements = renderStatementsFor('rollback', request.rollbackStatements, values);
      const warnings = await createUser(access, { name, unique, statements, rollbackStatements });
      tell(this.#logger, 'creation', name, warnings, request.warn);
      return name;
    });
  }

  async updateUser(request: UpdateUserRequest): Promise<void> {
    const { password, expiration } = request;
    const name = roleName(request.username);
    if (password === undefined && expiration === undefined) {
      throw new CofferError('invalid-request', 'no changes requested');
    }
    await this.#run(password?.newPassword, async ({ access }, stored) => {
      const failures: CofferError[] = [];
      // Both are tried, as in the Go plugin: a failed password change is no reason to let a user expire.
      if (password !== undefined) {
        await collect(failures, async () => {
          tell(this.#logger, 'rotation', name, await changePassword(access, name, password, stored), request.warn);
        });
      }
      if (expiration !== undefined) {
        await collect(failures, async () => {
          tell(this.#logger, 'renew', name, await extend(access, name, expiration), request.warn);
        });
      }
      const [first] = failures;
      if (first !== undefined)
        throw new CofferError(first.code, failures.map(errorText).join('; '), { cause: first.cause });
    });
  }

  async deleteUser(request: DeleteUserRequest): Promise<void> {
    await this.#run(undefined, async ({ access }) => {
      const name = roleName(request.username);
      const statements = revocationStatements(this.#logger, name, request.statements);
      if (statements.length > 0) tell(this.#logger, 'revocation', name, await revokeUser(access, name, statements));
      else await dropRole(access, name, { ownedObjects: access.settings.ownedObjects, endSessions: true });
    });
  }

  async deleteUsers(usernames: readonly string[]): Promise<readonly string[]> {
    return await this.#run(undefined, async ({ access }) => {
      const gone = await dropRoles(access, usernames.map(roleName));
      return usernames.filter((username) => gone.has(roleName(username)));
    });
  }

  async type(): Promise<string> {
    return 'yugabyte';
  }

  async nameUser(usernameConfig: UsernameConfig): Promise<string | undefined> {
    const { name, unique } = this.#inUse().makeName(usernameConfig);
    if (unique) this.#rememberUnused(name);
    return name;
  }

  /** A name that we made up ourselves is only unique the first time. */
  #nameOf({ username, usernameConfig }: NewUserRequest, makeName: NameMaker): Username {
    if (username === undefined) return makeName(usernameConfig);
    const name = roleName(username);
    return { name, unique: this.#unused.delete(name) };
  }

  #rememberUnused(name: string): void {
    const [oldest] = this.#unused;
    if (this.#unused.size >= MAX_UNUSED && oldest !== undefined) this.#unused.delete(oldest);
    this.#unused.add(name);
  }

  async verifyUser(username: string, password: Secret): Promise<LoginAnswer> {
    const name = roleName(username);
    if (password.reveal().includes('\0')) return 'refused';
    return await this.#run(password, ({ access }) => verifyUser(access, name, password));
  }

  async sessionMark(statements: readonly string[]): Promise<string | undefined> {
    // A statement that sets its session's application_name takes the mark away.
    return statements.some((statement) => /application_name/i.test(statement)) ? undefined : PROCESS_ID;
  }

  async endMarkedSessions(mark: string): Promise<boolean> {
    return await this.#run(undefined, async ({ access, dead }) => {
      // Many logins may have been under way in one process.
      const ending = dead.get(mark) ?? withoutDeadline(() => endSessionsOfDead(access, mark));
      dead.set(mark, ending);
      return await ending.finally(() => dead.delete(mark));
    });
  }

  async owedSessions(username: string): Promise<readonly string[]> {
    return this.#inUse().access.owed.nodesOf(roleName(username));
  }

  async close(): Promise<void> {
    const former = this.#connected;
    this.#connected = undefined;
    if (former !== undefined) await this.#drain(former);
  }

  async #drain(former: Connected): Promise<void> {
    const patience = new AbortController();
    await Promise.race([
      Promise.allSettled([...this.#work]),
      sleep(DRAIN_MS, undefined, { signal: patience.signal }).catch(() => undefined),
    ]);
    patience.abort();
    await closeAccess(former.access);
  }

  #inUse(): Connected {
    if (this.#connected === undefined) throw new CofferError('failed', 'connection has not been initialized');
    return this.#connected;
  }

  async #verify(access: UserAccess): Promise<void> {
    const { settings } = access;
    try {
      const asked = await access.pool.use(async (session) => session.askedForPassword);
      if (!asked && !hasCertificate(settings)) this.#logger.warn(trusts(settings.username));
    } catch (thrown) {
      await closeAccess(access);
      const error = asCofferError(thrown);
      if (error.code === 'internal') throw error;
      // A configuration that cannot be verified is not to be tried again as it is.
      const code = error.code === 'unavailable' ? 'failed' : error.code;
      throw new CofferError(code, `error verifying connection: ${error.message}`);
    }
  }

  /** Runs one operation. `stored` is what SQL contains for `password`; empty if there is none. */
  async #run<T>(
    password: Secret | undefined,
    operation: (connected: Connected, stored: string) => Promise<T>,
  ): Promise<T> {
    const work = runOperation(this.#inUse(), password, operation);
    this.#work.add(work);
    try {
      return await work;
    } finally {
      this.#work.delete(work);
    }
  }
}

/** Whatever an operation throws leaves as a CofferError. */
async function runOperation<T>(
  connected: Connected,
  password: Secret | undefined,
  operation: (connected: Connected, stored: string) => Promise<T>,
): Promise<T> {
  try {
    return await operation(connected, password === undefined ? '' : await storedPassword(connected.access, password));
  } catch (thrown) {
    const error = asCofferError(thrown);
    throw new CofferError(error.code, error.message, { cause: error.code === 'internal' ? thrown : error.cause });
  }
}

/** With one the server may have let us in without a password. */
function hasCertificate({ tls }: YsqlSettings): boolean {
  return tls.certificate.pem !== '' || tls.certificate.path !== '';
}

function trusts(username: string): string {
  return (
    `the database let "${username}" in without asking for a password: it trusts anyone who can connect, so the ` +
    `passwords of its users protect nothing. See "trust" in its pg_hba.conf; on YugabyteDB, whether ysql_enable_auth is on.`
  );
}

async function changePassword(
  access: UserAccess,
  name: string,
  change: NonNullable<UpdateUserRequest['password']>,
  stored: string,
): Promise<readonly string[]> {
  const { newPassword } = change;
  if (newPassword.reveal() === '') throw new CofferError('invalid-request', 'missing password');
  const values = { name, username: name, password: stored };
  const given = renderStatementsFor('rotation', change.statements, values);
  const statements = given.length > 0 ? given : renderStatements([DEFAULT_PASSWORD_STATEMENT], values);
  if (name === access.settings.username) return await changeOwnPassword(access, newPassword, statements);
  // Whoever keeps the password makes the change again, and is the one to see that no other change comes in between.
  return await changeUser(access, statements, 'tell');
}

async function extend(
  access: UserAccess,
  name: string,
  change: NonNullable<UpdateUserRequest['expiration']>,
): Promise<readonly string[]> {
  const values = { name, username: name, expiration: formatTimeSeconds(change.newExpiration.getTime()) };
  const statements = renderStatementsFor('renew', change.statements, values);
  if (statements.length > 0) return await changeUser(access, statements, 'harmless');
  for (const statement of renderStatements([DEFAULT_EXPIRATION_STATEMENT], values)) {
    await changeExpiration(access, statement);
  }
  return [];
}

async function collect(failures: CofferError[], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    failures.push(asCofferError(error));
  }
}
