import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isCofferError } from '@coffer/base';
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
} from '../ysql-fixture.ts';

const IN_ROLE = `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' IN ROLE app`;

const CONFLICT = { sqlstate: '40001', message: 'conflict' };
const ACTIONS = {
  error: { type: 'error', ...CONFLICT },
  'error-after': { type: 'error-after', ...CONFLICT },
  'drop-before': { type: 'drop-before' },
  'drop-after': { type: 'drop-after' },
} as const satisfies Readonly<Record<string, FaultAction>>;

let server: TestPostgres;
before(async () => {
  server = await startPostgres({ authMethod: 'md5' });
  await server.query('CREATE ROLE app');
  await createThings(server);
  // Some users are made with SET ROLE, which asks for membership.
  await server.query(`GRANT app TO ${server.user} WITH ADMIN OPTION`);
});
after(() => server.stop());

let counter = 0;
const names = (count: number): string[] => Array.from({ length: count }, () => `batch-${++counter}`);

async function rolesOf(list: readonly string[]): Promise<number> {
  return (await server.query('SELECT 1 FROM pg_roles WHERE rolname = ANY($1)', [list])).length;
}

for (const mode of ['postgresql', 'yugabytedb'] as const) {
  describe(`users at once, ${mode}`, () => {
    let proxy: WireProxy;
    let opened: Opened;
    before(async () => {
      proxy = await startWireProxy({ target: server, mode });
      opened = await openYsql({ ...server, port: proxy.port });
      // The first user shows what the server does with DDL in a transaction.
      const username = await opened.database.newUser(newUser(IN_ROLE));
      await opened.database.deleteUser({ username, statements: [] });
    });
    after(async () => {
      await opened.database.close();
      await proxy.stop();
    });

    /** What is sent meanwhile, by its first words; several statements of one message stand on lines of their own. */
    const watch = async (work: () => Promise<unknown>): Promise<(start: string) => number> => {
      const first = proxy.statements.length;
      await work();
      const seen = proxy.statements.slice(first).flatMap(({ sql }) => sql.split('\n'));
      return (start) => seen.filter((sql) => sql.startsWith(start)).length;
    };
    const makeAll = (list: readonly string[], sql: string): Promise<PromiseSettledResult<string>[]> =>
      Promise.allSettled(list.map((username) => opened.database.newUser(newUser(sql, { username }))));
    const dropAll = (list: readonly string[]): Promise<unknown> =>
      Promise.all(list.map((username) => opened.database.deleteUser({ username, statements: [] })));
    const failures = (results: readonly PromiseSettledResult<string>[]): unknown[] =>
      results.filter((result) => result.status === 'rejected').map((result): unknown => result.reason);

    for (const [shape, sql] of Object.entries({ 'IN ROLE': IN_ROLE, seed: SEED_SQL, 'on a table': ON_TABLE_SQL })) {
      it(`share transactions only where DDL is transactional, and drops share statements: ${shape}`, async () => {
        const list = names(24);
        const made = await watch(async () => assert.deepEqual(failures(await makeAll(list, sql)), []));
        assert.equal(made('CREATE ROLE'), 24);
        if (mode === 'yugabytedb') assert.equal(made('COMMIT'), 24);
        // Up to one transaction for each of the (new) connections, which show anew what they do, and one for all others.
        else assert.ok(made('COMMIT') <= 12, `${made('COMMIT')} transactions`);
        for (const name of list.slice(0, 2)) await (await logIn(server, name, 'Pass-1234-word')).end();
        const dropped = await watch(() => dropAll(list));
        assert.equal(dropped('DROP ROLE'), 1);
        assert.equal(dropped('REVOKE'), shape === 'seed' ? 1 : 0);
        assert.equal(dropped('DROP OWNED'), shape === 'on a table' ? 1 : 0);
        assert.equal(await rolesOf(list), 0);
      });
    }

    it('do not see a neighbour’s error', async () => {
      const list = names(12);
      const [bad = ''] = list;
      const fault: Fault = {
        match: (sql) => sql.includes(`CREATE ROLE "${bad}"`),
        times: 99,
        action: { type: 'error', sqlstate: '42501', message: 'not this one' },
      };
      proxy.addFault(fault);
      try {
        const errors = failures(await makeAll(list, SEED_SQL));
        assert.equal(errors.length, 1);
        assert.match(String(errors[0]), /not this one/);
      } finally {
        proxy.clearFaults();
      }
      assert.equal(await rolesOf(list), 11);
      assert.equal(await roleExists(server, bad), false);
      await dropAll(list);
      assert.equal(await rolesOf(list), 0);
    });

    it('leave a role that is not ours as it is', async () => {
      const list = names(8);
      const [theirs = ''] = list;
      await server.query(`CREATE ROLE "${theirs}"`);
      const errors = failures(await makeAll(list, SEED_SQL));
      assert.equal(errors.length, 1);
      assert.ok(isCofferError(errors[0], 'failed'));
      assert.match(errors[0].message, /already exists and was not created by Coffer/);
      const [row] = await server.query('SELECT rolcanlogin FROM pg_roles WHERE rolname = $1', [theirs]);
      assert.deepEqual(row, { rolcanlogin: false });
      const [grant] = await server.query(`SELECT has_database_privilege($1::name, 'yugabyte', 'CREATE') AS ok`, [
        theirs,
      ]);
      assert.deepEqual(grant, { ok: false });
      await dropAll(list);
    });

    for (const match of [
      /FROM pg_catalog\.pg_roles/,
      /^BEGIN/m,
      /^CREATE ROLE/m,
      /pg_advisory_xact_lock/,
      /^GRANT/m,
      /^COMMIT/m,
    ]) {
      for (const type of ['drop-before', 'drop-after', 'error'] as const) {
        it(`survive ${type} at ${match.source}, whole or not at all`, async () => {
          const list = names(12);
          const fault = proxy.addFault({ match, action: ACTIONS[type], times: 2 });
          assert.deepEqual(failures(await makeAll(list, SEED_SQL)), []);
          assert.ok(fault.fired > 0);
          proxy.clearFaults();
          for (const name of list) {
            const [row] = await server.query(`SELECT has_database_privilege($1::name, 'yugabyte', 'CREATE') AS ok`, [
              name,
            ]);
            assert.deepEqual(row, { ok: true });
          }
          await dropAll(list);
          assert.equal(await rolesOf(list), 0);
        });
      }
    }

    for (const [shape, sql] of Object.entries({ 'IN ROLE': IN_ROLE, seed: SEED_SQL })) {
      it(`with names that nobody can have cost one round trip, and survive faults: ${shape}`, async () => {
        const seen: string[] = [];
        const made = await watch(async () => {
          for (const type of ['none', 'error', 'drop-before', 'drop-after'] as const) {
            const fault =
              type === 'none' ? undefined : proxy.addFault({ match: /^CREATE ROLE/m, action: ACTIONS[type], times: 3 });
            seen.push(...(await Promise.all(Array.from({ length: 12 }, () => opened.database.newUser(newUser(sql))))));
            // How many batches they share depends on how long each takes here.
            if (fault !== undefined) assert.ok(fault.fired >= 1);
            proxy.clearFaults();
          }
        });
        assert.equal(await rolesOf(seen), 48);
        for (const name of seen.slice(0, 4)) await (await logIn(server, name, 'Pass-1234-word')).end();
        assert.ok(made('SELECT rolname') === 0, 'nobody looks for names');
        await dropAll(seen);
        assert.equal(await rolesOf(seen), 0);
      });
    }

    const statements = [
      /FROM pg_catalog\.pg_shdepend/,
      /pg_terminate_backend/,
      /^REVOKE/m,
      /^DROP OWNED/m,
      /^DROP ROLE/m,
      /^COMMIT/m,
    ];
    for (const match of statements) {
      for (const type of ['drop-before', 'drop-after', 'error'] as const) {
        it(`are dropped in spite of ${type} at ${match.source}`, async () => {
          const list = names(8);
          assert.deepEqual(failures(await makeAll(list, match.source === '^DROP OWNED' ? ON_TABLE_SQL : SEED_SQL)), []);
          const [first = ''] = list;
          const session = await logIn(server, first, 'Pass-1234-word');
          const ended = new Promise((resolve) => session.once('end', resolve));
          const fault = proxy.addFault({ match, action: ACTIONS[type] });
          await dropAll(list);
          assert.equal(fault.fired, 1);
          proxy.clearFaults();
          await ended;
          assert.equal(await rolesOf(list), 0);
        });
      }
    }

    it('leave a name that is taken alone, whatever fails', async () => {
      const [theirs = ''] = names(1);
      await server.query(`CREATE ROLE "${theirs}"`);
      for (const action of Object.values(ACTIONS)) {
        for (const match of [/FROM pg_catalog\.pg_roles/, /^BEGIN/m]) {
          proxy.addFault({ match, action });
          await assert.rejects(
            opened.database.newUser(newUser(IN_ROLE, { username: theirs })),
            /already exists and was not created by Coffer/,
          );
          proxy.clearFaults();
        }
      }
      const [row] = await server.query('SELECT rolcanlogin FROM pg_roles WHERE rolname = $1', [theirs]);
      assert.deepEqual(row, { rolcanlogin: false });
      await server.query(`DROP ROLE "${theirs}"`);
    });

    it('are made whole where a statement ends with a comment', async () => {
      const list = names(8);
      const grant = 'GRANT ALL ON DATABASE yugabyte TO "{{name}}" -- all; of it';
      const sql = [`${IN_ROLE} -- it's\n`, `${grant}\n`].join(';');
      // The first time on new connections, the second in one message.
      for (let round = 1; round <= 2; round++) {
        assert.deepEqual(failures(await makeAll(list, sql)), []);
        const granted = await server.query(
          `SELECT 1 FROM pg_roles WHERE rolname = ANY($1) AND has_database_privilege(oid, 'yugabyte', 'CREATE')`,
          [list],
        );
        assert.equal(granted.length, list.length);
        await dropAll(list);
      }
    });

    it('with something else than plain statements are made alone', async () => {
      const list = names(6);
      const sql = `${IN_ROLE}; SET ROLE app; RESET ROLE`;
      const made = await watch(async () => assert.deepEqual(failures(await makeAll(list, sql)), []));
      assert.equal(made('COMMIT'), 6);
      await dropAll(list);
    });
  });
}
