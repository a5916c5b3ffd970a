/** Databases in memory, of which a test can stop every call. */
import { CofferError, type JsonObject, type Secret, silentLogger } from '@coffer/base';
import { ConnectionFields, type Database, PluginGoneError } from '@coffer/database-plugin';
import type { DatabasePlugins } from '@coffer/engine-database';
import type { Steps } from '@coffer/testkit';
import { YSQL } from '@coffer/ysql';
import { textOf } from './auth/api.ts';

export interface FakeDatabases {
  readonly plugins: DatabasePlugins;
  readonly open: ReadonlySet<Database>;
  readonly databases: {
    /** By host: the password of the admin, as the server has it. */
    passwords: Readonly<Record<string, string>>;
    /** The next uses of a database find that its plugin has ended. */
    crashes: number;
  };
}

/** The plugin named `fake`: it names its users after what it was opened with, and lets the admin in by the password that counts. */
export function fakeDatabases(
  steps: Steps,
  databases: FakeDatabases['databases'] = { passwords: {}, crashes: 0 },
): FakeDatabases {
  const open = new Set<Database>();

  class FakeDatabase implements Database {
    #config: JsonObject = {};
    readonly #names = YSQL.create(silentLogger);

    async initialize({ config }: Parameters<Database['initialize']>[0]): Promise<JsonObject> {
      return steps.pass('initialize', async () => {
        open.add(this);
        this.#config = config;
        await this.#names.initialize({
          config: { host: '127.0.0.1', username: 'admin', ...config, password: 'x' },
          verifyConnection: false,
        });
        return config;
      });
    }

    async newUser({ usernameConfig }: Parameters<Database['newUser']>[0]): Promise<string> {
      return steps.pass('newUser', async () => {
        this.#use();
        this.#logIn();
        return `${this.#host}-${await this.#names.nameUser?.(usernameConfig)}`;
      });
    }

    async updateUser({ password }: Parameters<Database['updateUser']>[0]): Promise<void> {
      await steps.pass('updateUser', async () => {
        this.#use();
        databases.passwords = { ...databases.passwords, [this.#host]: password?.newPassword.reveal() ?? '' };
      });
    }

    async verifyUser(_name: string, password: Secret) {
      return databases.passwords[this.#host] === password.reveal() ? 'accepted' : 'refused';
    }

    async deleteUser(): Promise<void> {
      this.#use();
    }

    async type(): Promise<string> {
      return 'fake';
    }

    async close(): Promise<void> {
      open.delete(this);
    }

    get #host(): string {
      return textOf(this.#config['host']);
    }

    #use(): void {
      if (databases.crashes-- > 0) throw new PluginGoneError(false);
      if (!open.has(this)) throw new CofferError('failed', 'the database is closed');
    }

    #logIn(): void {
      if (databases.passwords[this.#host] === this.#config['password']) return;
      throw new CofferError('failed', 'password authentication failed');
    }
  }

  const plugins: DatabasePlugins = {
    open: (name) => steps.pass(`open ${name}`, async () => new FakeDatabase()),
    pin: async () => '',
    mergeConfig: (_, stored, written) => ({ config: { ...stored, ...written }, warnings: [] }),
    fields: () => ConnectionFields.declared(YSQL.fields),
    retire: () => undefined,
    close: async () => undefined,
  };
  return { plugins, open, databases };
}
