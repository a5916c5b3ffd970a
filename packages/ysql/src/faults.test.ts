import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isCofferError, Secret } from '@coffer/base';
import {
  type Fault,
  type FaultAction,
  startPostgres,
  startWireProxy,
  type TestPostgres,
  type WireProxy,
} from '@coffer/testkit';
import {
  createThings,
  logIn,
  newUser,
  ON_TABLE_SQL,
  type Opened,
  openYsql,
  roleExists,
  SEED_SQL,
  USERNAME_CONFIG,
} from './ysql-fixture.ts';

let server: TestPostgres;
before(async () => {
  server = await startPostgres({ authMethod: 'md5' });
  await createThings(server);
});
after(() => server.stop());

const TRANSIENT: Readonly<Record<string, FaultAction>> = {
  conflict: { type: 'error', sqlstate: '40001', message: 'could not serialize access' },
  'late conflict': { type: 'error-after', sqlstate: 'XX000', message: 'Catalog Version Mismatch' },
  shutdown: { type: 'fatal', sqlstate: '57P01', message: 'terminating connection due to administrator command' },
  'lost before': { type: 'drop-before' },
  'lost after': { type: 'drop-after' },
};

let counter = 0;
const nextName = (): string => `fault-${process.pid}-${++counter}`;

async function isComplete(name: string): Promise<boolean> {
  await (await logIn(server, name, 'Pass-1234-word')).end();
  const [row] = await server.query(`SELECT has_database_privilege($1::name, 'yugabyte', 'CREATE') AS ok`, [name]);
  return row?.['ok'] === true;
}

for (const mode of ['postgresql', 'yugabytedb'] as const) {
  describe(`faults, ${mode}`, () => {
    let proxy: WireProxy;
    let opened: Opened;
    before(async () => {
      proxy = await startWireProxy({ target: server, mode });
      opened = await openYsql({ ...server, port: proxy.port });
    });
    after(async () => {
      await opened.database.close();
      await proxy.stop();
    });
    const withFaults = async (faults: readonly Fault[], work: () => Promise<void>): Promise<void> => {
      const installed = faults.map((fault) => proxy.addFault(fault));
      try {
        await work();
        for (const fault of installed) assert.ok(fault.fired > 0, 'the fault was not hit');
      } finally {
        proxy.clearFaults();
      }
    };

    for (const [kind, action] of Object.entries(TRANSIENT)) {
      for (const match of [/FROM pg_catalog\.pg_roles/, /^BEGIN/m, /^CREATE ROLE/m, /^GRANT/m, /^COMMIT/m]) {
        it(`newUser survives ${kind} at ${match.source}`, async () => {
          const username = nextName();
          await withFaults([{ match, action, times: 2 }], async () => {
            assert.equal(await opened.database.newUser(newUser(SEED_SQL, { username })), username);
          });
          assert.equal(await isComplete(username), true);
          await opened.database.deleteUser({ username, statements: [] });
        });

        if (match.source.startsWith('^')) {
          it(`newUser with a name that nobody can have survives ${kind} at ${match.source}`, async () => {
            const username = await opened.database.nameUser?.(USERNAME_CONFIG);
            assert.ok(username);
            await withFaults([{ match, action, times: 2 }], async () => {
              assert.equal(await opened.database.newUser(newUser(SEED_SQL, { username })), username);
            });
            assert.equal(await isComplete(username), true);
            await opened.database.deleteUser({ username, statements: [] });
          });
        }

        it(`newUser leaves nothing after ${kind} at ${match.source} and an error for good`, async () => {
          const username = nextName();
          const sql = `${SEED_SQL} SELECT no_such_column`;
          await withFaults([{ match, action }], async () => {
            await assert.rejects(opened.database.newUser(newUser(sql, { username })), /no_such_column/);
          }).catch((error: unknown) => {
            // COMMIT is never reached by a transaction that fails.
            if (match.source !== '^COMMIT') throw error;
          });
          assert.equal(await roleExists(server, username), false);
        });
      }

      it(`a new connection survives ${kind} at its settings`, async () => {
        const username = nextName();
        await using fresh = await openYsql({ ...server, port: proxy.port }, { max_idle_connections: -1 });
        await withFaults([{ match: /^SET /, action, times: 2 }], async () => {
          assert.equal(await fresh.database.newUser(newUser(SEED_SQL, { username })), username);
        });
        assert.equal(await isComplete(username), true);
        await fresh.database.deleteUser({ username, statements: [] });
      });

      it(`newUser in a single statement survives ${kind}`, async () => {
        const sql = `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' IN ROLE pg_read_all_data`;
        let username = '';
        await withFaults([{ match: /^CREATE ROLE/m, action, times: 2 }], async () => {
          username = await opened.database.newUser(newUser(sql));
        });
        await (await logIn(server, username, 'Pass-1234-word')).end();
        await opened.database.deleteUser({ username, statements: [] });
        assert.equal(await roleExists(server, username), false);
      });

      for (const match of [/^ROLLBACK/, /FROM pg_catalog\.pg_shdepend/, /^DROP OWNED/m, /^DROP ROLE/m]) {
        it(`undoing survives ${kind} at ${match.source}`, async () => {
          const username = nextName();
          const isReached = mode === 'yugabytedb' || match.source === '^ROLLBACK';
          const fail: Fault = { match: /^SELECT 1/, action: { type: 'error', sqlstate: '42501', message: 'no' } };
          await withFaults(isReached ? [fail, { match, action }] : [fail], async () => {
            await assert.rejects(
              opened.database.newUser(newUser(`${SEED_SQL} SELECT 1`, { username })),
              /no \(SQLSTATE 42501\)/,
            );
          });
          assert.equal(await roleExists(server, username), false);
        });
      }

      for (const match of [
        /FROM pg_catalog\.pg_shdepend/,
        /pg_terminate_backend/,
        /^REVOKE/m,
        /^DROP OWNED/m,
        /^DROP ROLE/m,
      ]) {
        it(`deleteUser survives ${kind} at ${match.source}`, async () => {
          const username = nextName();
          const sql = match.source === '^DROP OWNED' ? ON_TABLE_SQL : SEED_SQL;
          await opened.database.newUser(newUser(sql, { username }));
          await withFaults([{ match, action }], () => opened.database.deleteUser({ username, statements: [] }));
          assert.equal(await roleExists(server, username), false);
        });
      }

      it(`custom revocation survives ${kind}`, async () => {
        for (const match of [/^BEGIN/m, /^REVOKE/, /^DROP ROLE/m, /^COMMIT/m]) {
          const username = nextName();
          await opened.database.newUser(newUser(SEED_SQL, { username }));
          const statements = ['REVOKE ALL ON DATABASE yugabyte FROM "{{name}}"', 'DROP ROLE IF EXISTS "{{name}}"'];
          await withFaults([{ match, action }], () => opened.database.deleteUser({ username, statements }));
          assert.equal(await roleExists(server, username), false);
        }
      });

      it(`updateUser survives ${kind}`, async () => {
        const username = nextName();
        await opened.database.newUser(newUser(SEED_SQL, { username }));
        await withFaults([{ match: /^ALTER ROLE/, action }], () =>
          opened.database.updateUser({ username, password: { newPassword: new Secret('changed'), statements: [] } }),
        );
        await (await logIn(server, username, 'changed')).end();
        await withFaults([{ match: /VALID UNTIL/, action }], () =>
          opened.database.updateUser({ username, expiration: { newExpiration: new Date(0), statements: [] } }),
        );
        await assert.rejects(logIn(server, username, 'changed'), { code: '28P01' });
        await opened.database.deleteUser({ username, statements: [] });
      });
    }

    it('newUser says what it could not undo', async () => {
      const username = nextName();
      await withFaults(
        [
          { match: /^GRANT ALL/m, action: { type: 'error-after', sqlstate: '42501', message: 'no grant' } },
          ...(mode === 'yugabytedb'
            ? [
                {
                  match: /^DROP ROLE/m,
                  times: 99,
                  action: { type: 'error' as const, sqlstate: '42501', message: 'no drop' },
                },
              ]
            : []),
        ],
        async () => {
          await assert.rejects(opened.database.newUser(newUser(SEED_SQL, { username })), (error) => {
            assert.ok(isCofferError(error, mode === 'postgresql' ? 'failed' : 'unavailable'));
            assert.match(error.message, /no grant/);
            return mode === 'postgresql' || /may be left behind, dropping it failed: .*no drop/.test(error.message);
          });
        },
      );
      await opened.database.deleteUser({ username, statements: [] });
    });

    it('runs the rollback statements first when something is left', async () => {
      const username = nextName();
      proxy.addFault({ match: /^GRANT/m, action: { type: 'error', sqlstate: '42501', message: 'no' } });
      const before_ = proxy.statements.length;
      await assert.rejects(
        opened.database.newUser(
          newUser(SEED_SQL, { username, rollbackStatements: ['DROP ROLE IF EXISTS "{{name}}" /* mine */'] }),
        ),
      );
      const mine = proxy.statements.slice(before_).filter((statement) => statement.sql.includes('/* mine */')).length;
      assert.equal(mine, mode === 'yugabytedb' ? 1 : 0);
      assert.equal(await roleExists(server, username), false);
    });
  });
}

describe('a role that appears between the look and the statement', () => {
  it('is not ours and stays', async () => {
    const proxy = await startWireProxy({ target: server, mode: 'yugabytedb' });
    {
      await using opened = await openYsql({ ...server, port: proxy.port });
      // The first statement does not speak of the user: it stands for somebody else.
      await assert.rejects(
        opened.database.newUser(newUser('CREATE ROLE theirs; CREATE ROLE "{{name}}"', { username: 'theirs' })),
        /role "theirs" already exists \(SQLSTATE 42710\)/,
      );
    }
    assert.equal(await roleExists(server, 'theirs'), true);
    await server.query('DROP ROLE theirs');
    await proxy.stop();
  });
});
