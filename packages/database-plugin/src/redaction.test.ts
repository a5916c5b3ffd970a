import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { inspect } from 'node:util';
import {
  CofferError,
  createLogger,
  formatLogLine,
  isCofferError,
  isOutcomeUnknown,
  type Logger,
  Secret,
  silentLogger,
} from '@coffer/base';
import { GrpcError, grpcStatus, isPluginGone, PluginGoneError } from '@coffer/go-plugin';
import { ConnectionFields } from './connection-fields.ts';
import type { Database } from './database.ts';
import { MEMORY, MemoryDatabase } from './database-fixture.ts';
import { FIXTURE_FILE, pluginDirectory } from './plugin-directory-fixture.ts';
import { PluginProcess } from './plugin-process.ts';
import { openDatabase } from './redaction.ts';

const redactSecrets = (database: Database): Database =>
  openDatabase({ ...MEMORY, create: () => database }, silentLogger);

describe('a Database that shows no secret', () => {
  const down = { host: 'down', password: 'first-pw' };

  it('knows the password of a configuration that failed, only while it is tried', async () => {
    const database = redactSecrets(new MemoryDatabase());
    await assert.rejects(database.initialize({ config: down, verifyConnection: true }), /for password \[password\]$/);
  });
  it('knows the new password of the administrator after a rotation', async () => {
    const target = new MemoryDatabase();
    const database = redactSecrets(target);
    await database.initialize({
      config: { username: 'v-d-r-h', password: 'old-pw', host: 'h' },
      verifyConnection: false,
    });
    const usernameConfig = { displayName: 'd', roleName: 'r' };
    const base = { usernameConfig, expiration: new Date(), rollbackStatements: [] };
    await database.newUser({ ...base, password: new Secret('old-pw'), statements: [] });
    await database.updateUser({ username: 'v-d-r-h', password: { newPassword: new Secret('new-pw'), statements: [] } });
    await assert.rejects(database.deleteUser({ username: 'v-d-r-h', statements: ['FAIL'] }), (error) => {
      assert.ok(isCofferError(error, 'failed'));
      assert.equal(error.message, `cannot run "PASSWORD '[password]'"`);
      assert.equal(inspect(error).includes('new-pw'), false);
      return true;
    });
  });
  it('keeps the status of an error that it cleans', async () => {
    const status = new GrpcError(grpcStatus.DEADLINE_EXCEEDED, 'late: one-pass');
    const late = new CofferError('unavailable', status.message, { cause: status });
    const database = redactSecrets(
      new (class extends MemoryDatabase {
        override async newUser(): Promise<string> {
          throw late;
        }
      })(),
    );
    const usernameConfig = { displayName: 'd', roleName: 'r' };
    const rest = { usernameConfig, expiration: new Date(), statements: [], rollbackStatements: [] };
    await assert.rejects(database.newUser({ ...rest, password: new Secret('one-pass') }), (error) => {
      assert.ok(isOutcomeUnknown(error));
      assert.equal(inspect(error).includes('one-pass'), false);
      return true;
    });
  });
  it('passes a clean error on as it is', async () => {
    const error = new CofferError('unavailable', 'no node answers', { cause: new Error('connect ECONNREFUSED') });
    const database = redactSecrets(
      new (class extends MemoryDatabase {
        override async type(): Promise<string> {
          throw error;
        }
      })(),
    );
    await assert.rejects(database.type(), (thrown) => thrown === error);
  });
  it('tells a plugin that is gone from any other failure, whatever the secret', async () => {
    const cause = new Error('connect as Hush7hush7');
    const database = redactSecrets(
      new (class extends MemoryDatabase {
        override async type(): Promise<string> {
          throw new PluginGoneError(true, { cause, hung: true });
        }
      })(),
    );
    await database.initialize({ config: { password: 'Hush7hush7', host: 'h' }, verifyConnection: false });
    await assert.rejects(database.type(), (thrown) => {
      assert.ok(isPluginGone(thrown) && thrown.outcomeUnknown && thrown.hung && isOutcomeUnknown(thrown));
      assert.match(thrown.message, /stopped answering/);
      assert.equal(inspect(thrown).includes('Hush7hush7'), false);
      return true;
    });
  });
  it('keeps its sentences, whatever ordinary word the password is', async () => {
    for (const password of ['h', 'a', 'the', 'yugabyte', 'no', 'connection', 'host']) {
      const database = redactSecrets(
        new (class extends MemoryDatabase {
          override async type(): Promise<string> {
            throw new CofferError('failed', 'no host: the connection of yugabyte to database="yugabyte" is a loss');
          }
        })(),
      );
      const config = { username: 'yugabyte', password, host: 'h', connection_url: 'x://yugabyte@h/yugabyte' };
      await database.initialize({ config, verifyConnection: false });
      await assert.rejects(database.type(), {
        message: 'no host: the connection of yugabyte to database="yugabyte" is a loss',
      });
      const down = database.initialize({ config: { ...config, host: 'down' }, verifyConnection: true });
      await assert.rejects(down, { message: 'error verifying connection: no host for password [password]' });
    }
  });
  it('does not show what a call has in use in any line of the log, while it is under way', async () => {
    const lines: string[] = [];
    let log: Logger = silentLogger;
    const create = (logger: Logger): Database => {
      log = logger;
      return new (class extends MemoryDatabase {
        override async deleteUser(): Promise<void> {
          log.named('pool').warn('for Hush7hush7', { error: 'and Hush8hush8' });
        }
        override async newUser(): Promise<string> {
          await this.deleteUser();
          return 'made';
        }
      })();
    };
    const logger = createLogger('fixture', 'trace', (entry) => lines.push(formatLogLine(entry)));
    const database = openDatabase({ ...MEMORY, create }, logger);
    await database.initialize({ config: { password: 'Hush7hush7' }, verifyConnection: false });
    await database.newUser({
      usernameConfig: { displayName: 'd', roleName: 'r' },
      password: new Secret('Hush8hush8'),
      expiration: new Date(),
      statements: [],
      rollbackStatements: [],
    });
    await database.close();
    log.warn('closed: Hush7hush7');
    assert.deepEqual(
      lines.map((line) => line.slice(line.indexOf('['))),
      ['[WARN]  fixture.pool: for [password]: error="and [password]"\n', '[WARN]  fixture: closed: Hush7hush7\n'],
    );
  });
});

describe('a field that is added to the table', () => {
  const fields = [...MEMORY.fields, { name: 'pin', secret: true as const }];
  it('is hidden and redacted with no other edit', async () => {
    const declared = ConnectionFields.declared(fields);
    const config = {
      host: 'down',
      password: 'Hush7hush7',
      pin: 'Hush8-pin',
      connection_url: 'postgres://h/db?PIN=Hush9-pin&%70in=Hush6-pin',
    };
    assert.deepEqual(declared.shown(config), {
      host: 'down',
      connection_url: 'postgres://h/db?PIN=*****&%70in=*****',
    });
    const lines: string[] = [];
    const create = (logger: Logger): Database =>
      new (class extends MemoryDatabase {
        override async initialize(): Promise<never> {
          logger.warn('tried Hush8-pin');
          throw new CofferError('failed', 'wrong pin Hush8-pin, or Hush9-pin, or Hush6-pin');
        }
      })();
    const logger = createLogger('', 'trace', (entry) => lines.push(entry.message));
    const database = openDatabase({ fields, create }, logger);
    await assert.rejects(database.initialize({ config, verifyConnection: true }), {
      message: 'wrong pin [password], or [password], or [password]',
    });
    assert.deepEqual(lines, ['tried [password]']);
  });
});

describe('a foreign plugin', () => {
  let directory: Awaited<ReturnType<typeof pluginDirectory>>;
  before(async () => {
    directory = await pluginDirectory();
  });
  after(() => directory[Symbol.asyncDispose]());

  for (const foreign of ['on', 'off']) {
    it(`shows no secret, ${foreign === 'on' ? 'since the host takes it out' : 'when it says that it takes it out'}`, async () => {
      let log = '';
      const plugin = await PluginProcess.launch({
        directory: directory.path,
        path: FIXTURE_FILE,
        env: { FIXTURE_FOREIGN: foreign },
        fields: ConnectionFields.foreign([MEMORY.fields]),
        logger: createLogger('', 'trace', (entry) => (log += formatLogLine(entry))),
      });
      const database = plugin.open();
      const failed =
        'unable to initialize: rpc error: code = Internal desc = failed to initialize: error verifying connection: ';
      for (const [given, said] of [
        ['Hush7hush7', '[password]'],
        ['p', '[password]'],
      ] as const) {
        const config = { host: 'down', password: given };
        await assert.rejects(database.initialize({ config, verifyConnection: true }), {
          message: `${failed}no host for password ${said}`,
        });
      }
      const config = { host: 'h', password: 'Hush7hush7', api_token: 'Hush8-token' };
      await database.initialize({ config, verifyConnection: false });
      const made = {
        usernameConfig: { displayName: 'd', roleName: 'r' },
        expiration: new Date(),
        rollbackStatements: [],
      };
      for (const said of ['Hush6-call', 'Hush8-token']) {
        const call = database.newUser({ ...made, password: new Secret(said), statements: ['FAIL'] });
        await assert.rejects(call, /unable to create new user: cannot run "PASSWORD '\[password\]'"$/);
      }
      await assert.rejects(database.newUser({ ...made, password: new Secret('Hush5-bug'), statements: ['BUG'] }));
      await database.close();
      assert.match(log, /unexpected failure: .*PASSWORD '\[password\]'/);
      assert.doesNotMatch(log, /Hush/);
    });
  }
});
