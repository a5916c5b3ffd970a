import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { type JsonObject, type JsonValue, randomBase62 } from '@coffer/base';
import { databaseUnderTest, dropAdmin, makeAdmin, type TestDatabase } from '@coffer/testkit';
import { cleanEnvironment, DIST } from '../coffer-process.ts';
import { SEED_CREATION } from '../dev-server.ts';
import { tryLogin } from '../logins.ts';
import type { GoPrograms } from './go-programs.ts';
import { GoHost, GoHostError, type ProcessView } from './go-host.ts';
import { newSecret } from './secrets.ts';

/** As Vault runs it: the script's `#!` line finds Node.js on PATH. */
const NODE_BIN = resolve(import.meta.dirname, '../../node_modules/.bin');

/** A database with an administrator whose password is found nowhere else. */
export interface Cluster {
  readonly database: TestDatabase;
  readonly admin: string;
  readonly password: string;
  stop(): Promise<void>;
}

export async function startCluster(): Promise<Cluster> {
  const database = await databaseUnderTest();
  const [admin, password] = [`interop_admin_${randomBase62(8)}`, newSecret()];
  await makeAdmin(database, { user: admin, password });
  return {
    database,
    admin,
    password,
    async stop() {
      await dropAdmin(database, admin);
      await database.stop();
    },
  };
}

/**
 * A built plugin under a Go host of its own, where it is registered as `ysql`, and as `ysql-5` for a host that offers
 * protocol 5 only. `go` and `go-5` are the plugin that is made with HashiCorp's SDK.
 */
export class PluginUnderTest {
  readonly artefact: string;
  readonly host: GoHost;
  readonly database: TestDatabase;
  readonly #cluster: Cluster;

  private constructor(artefact: string, programs: GoPrograms, cluster: Cluster, nodeBin: string) {
    this.artefact = artefact;
    this.host = new GoHost(programs.host, cleanEnvironment({ PATH: `${nodeBin}:${process.env['PATH'] ?? ''}` }));
    this.database = cluster.database;
    this.#cluster = cluster;
  }

  /** `nodeBin` is a directory with a `node` in it, which runs the script; by default the project's own. */
  static async start(
    artefact: string,
    programs: GoPrograms,
    cluster: Cluster,
    nodeBin = NODE_BIN,
  ): Promise<PluginUnderTest> {
    const made = new PluginUnderTest(artefact, programs, cluster, nodeBin);
    const register = (plugin: string, file: string, protocols: JsonValue) =>
      made.host.call('register', { plugin, file, protocols });
    await register('ysql', `${DIST}/${artefact}`, [5, 6]);
    await register('ysql-5', `${DIST}/${artefact}`, [5]);
    await register('go', programs.plugin, [5, 6]);
    await register('go-5', programs.plugin, [5]);
    return made;
  }

  /** Who the configuration logs in as. */
  get admin(): string {
    return this.#cluster.admin;
  }

  config(changes: JsonObject = {}): JsonObject {
    const { host, port, database } = this.database;
    return { host, port, db: database, username: this.#cluster.admin, password: this.#cluster.password, ...changes };
  }

  async openInitialized(plugin: string, name: string): Promise<ProcessView> {
    const view = await this.host.open(plugin, name);
    await this.host.call('initialize', { database: name, config: this.config(), verify: true });
    return view;
  }

  /** A user that is good for an hour, with the statements of the documentation page. Resolves with its name. */
  async newUser(name: string, password: string, changes: JsonObject = {}): Promise<string> {
    const expiration = new Date(Date.now() + 3_600_000).toISOString();
    const statements = [SEED_CREATION.replace('"yugabyte"', `"${this.database.database}"`)];
    const user = { displayName: 'token', roleName: 'my-role', password, expiration, statements };
    const made = await this.host.call('newUser', { database: name, ...user, ...changes });
    assert.ok(typeof made === 'string');
    return made;
  }

  /** In milliseconds since 1970. */
  async validUntil(username: string): Promise<number> {
    const [role] = await this.database.query('SELECT rolvaliduntil FROM pg_roles WHERE rolname = $1', [username]);
    return Number(role?.['rolvaliduntil']);
  }

  async logsIn(username: string, password: string): Promise<boolean> {
    return 'user' in (await tryLogin(this.database, username, password));
  }
}

/** What a call failed with. */
export async function failure(call: Promise<unknown>): Promise<GoHostError> {
  const outcome = await call.catch((error: unknown) => error);
  assert.ok(outcome instanceof GoHostError, 'the call fails');
  return outcome;
}
