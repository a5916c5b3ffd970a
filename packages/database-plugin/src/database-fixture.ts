import { setTimeout as sleep } from 'node:timers/promises';
import { CofferError, isJsonObject, type JsonObject, randomBase62, type Secret } from '@coffer/base';
import type { Database, DatabaseKind, DeleteUserRequest, InitializeRequest, NewUserRequest } from './database.ts';
import type { LoginAnswer, UpdateUserRequest, UsernameConfig } from './database.ts';

/** How late `LATE` is, in milliseconds. */
export const LATE_MS = 400;

/**
 * A Database whose users are kept in memory, with the contract's whole behaviour; statements direct it:
 * `FAIL` fails with the password in the text, `BUG` throws what nobody expects, `CRASH` ends the process, `STOP` freezes
 * it, `NEVER` gives no answer, `LATE` one after a while.
 * `SHOW` makes `newUser` answer what it was asked, so that a test sees what arrived, and `WHO` which FIXTURE_VERSION it is.
 */
export class MemoryDatabase implements Database {
  readonly #users = new Map<string, string>();
  #config: JsonObject | undefined;
  #closed = false;

  async initialize({ config, verifyConnection }: InitializeRequest): Promise<JsonObject> {
    if (verifyConnection && config['host'] === 'down') {
      throw new CofferError('failed', `error verifying connection: no host for password ${textOf(config['password'])}`);
    }
    this.#config = config;
    return { ...config, seen: true };
  }

  async newUser(request: NewUserRequest): Promise<string> {
    const { statements, password, usernameConfig, expiration, rollbackStatements } = request;
    if (statements.includes('SHOW')) {
      const arrived = {
        usernameConfig,
        expiration,
        statements,
        rollbackStatements,
        username: request.username ?? null,
      };
      return JSON.stringify({ ...arrived, password: password.reveal(), config: this.#known() });
    }
    if (statements.includes('WHO')) return `v-${process.env['FIXTURE_VERSION']}-${randomBase62(8)}`;
    await this.#obey(statements, password.reveal());
    const username = request.username ?? this.#name(usernameConfig);
    if (this.#users.has(username)) throw new CofferError('failed', `role "${username}" already exists`);
    this.#users.set(username, password.reveal());
    return username;
  }

  async updateUser({ username, password, expiration }: UpdateUserRequest): Promise<void> {
    await this.#obey(
      [...(password?.statements ?? []), ...(expiration?.statements ?? [])],
      password?.newPassword.reveal() ?? '',
    );
    if (!this.#users.has(username)) throw new CofferError('failed', `role "${username}" does not exist`);
    if (password) this.#users.set(username, password.newPassword.reveal());
  }

  async deleteUser({ username, statements }: DeleteUserRequest): Promise<void> {
    await this.#obey(statements, this.#users.get(username) ?? '');
    this.#users.delete(username);
  }

  async type(): Promise<string> {
    return 'memory';
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  async nameUser(config: UsernameConfig): Promise<string> {
    return this.#name(config);
  }

  async verifyUser(username: string, password: Secret): Promise<LoginAnswer> {
    this.#known();
    if (username === 'barred') throw new CofferError('failed', `role "barred" may not log in as ${password.reveal()}`);
    return this.#users.get(username) === password.reveal() ? 'accepted' : 'refused';
  }

  #known(): JsonObject {
    if (!isJsonObject(this.#config) || this.#closed) throw new CofferError('failed', 'database is not initialized');
    return this.#config;
  }

  #name({ displayName, roleName }: UsernameConfig): string {
    return `v-${displayName}-${roleName}-${textOf(this.#known()['host'])}`;
  }

  async #obey(statements: readonly string[], password: string): Promise<void> {
    this.#known();
    const cause = new Error(`syntax error in: CREATE ROLE PASSWORD '${password}'`);
    if (statements.includes('FAIL')) throw new CofferError('failed', `cannot run "PASSWORD '${password}'"`, { cause });
    if (statements.includes('BUG')) throw cause;
    if (statements.includes('CRASH')) process.kill(process.pid, 'SIGKILL');
    if (statements.includes('STOP')) process.kill(process.pid, 'SIGSTOP');
    if (statements.includes('LATE')) await sleep(LATE_MS);
    if (statements.includes('NEVER')) await new Promise(() => undefined);
  }
}

/** As a plugin declares it. */
export const MEMORY: DatabaseKind = {
  fields: [
    { name: 'username' },
    { name: 'password', secret: true },
    { name: 'connection_url' },
    ...['host', 'port', 'tls', 'extra'].map((name) => ({ name })),
  ],
  create: () => new MemoryDatabase(),
};

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
