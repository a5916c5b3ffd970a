/** The logins that an earlier version has issued and taken over, and what it was cut off in, against a database that has them. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { databaseUnderTest, eventually, type TestDatabase } from '@coffer/testkit';
import pg from 'pg';
import { tryLogin } from '../logins.ts';
import { textOf } from './store-file.ts';
import { refusal, StoredHome, type StoredServer, VERSIONS } from './stored-server.ts';

for (const version of VERSIONS) {
  describe(`logins that ${version} has stored`, () => {
    let database: TestDatabase;
    let home: StoredHome;
    let server: StoredServer;
    /** Issued, by what the fixture calls them. */
    const issued = new Map<string, { readonly leaseId: string; readonly username: string }>();
    const ofOurs: string[] = [];

    const make = async (name: string, options: string): Promise<void> => {
      ofOurs.push(name);
      await database.query(`CREATE ROLE "${name}" LOGIN ${options}`);
    };
    const there = async (name: string): Promise<boolean> =>
      (await database.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [name])).length > 0;
    const write = (path: string, body: JsonObject = {}) => server.client.write(path, body);
    const passwordOf = async (role: string): Promise<string> => {
      const { password } = (await server.client.read(`database/static-creds/${role}`))?.data as { password: string };
      return password;
    };
    const logsIn = async (username: string, password: string): Promise<boolean> =>
      'user' in (await tryLogin(database, username, password));

    /** What the database would hold: logins that ours issued are made by its own user. */
    async function makeLogins(): Promise<void> {
      for (const name of ['making', 'rotating', 'rooting']) {
        await make(`admin-${name}`, `CREATEROLE PASSWORD 'first-${name}'`);
        await database.query(`GRANT pg_signal_backend TO "admin-${name}"`);
      }
      for (const name of ['kept', 'scheduled', 'periodic', 'failing', 'open']) {
        await make(`login-${name}`, `PASSWORD 'first-${name}'`);
      }
      const url = new URL(database.url);
      [url.username, url.password] = ['admin-making', 'first-making'];
      const admin = new pg.Client({ connectionString: url.href });
      await admin.connect();
      for (const username of [...[...issued.values()].map((each) => each.username), home.fixture.creating]) {
        ofOurs.push(username);
        await admin.query(`CREATE ROLE "${username}" LOGIN PASSWORD 'issued'`);
      }
      await admin.end();
    }

    before(async () => {
      database = await databaseUnderTest();
      home = await StoredHome.make(version);
      for (const [name, lease] of Object.entries(home.fixture.leases)) {
        issued.set(name, lease as { leaseId: string; username: string });
      }
      await makeLogins();
      server = await home.start();
      const { host, port, database: db } = database;
      for (const name of ['making', 'rotating', 'rooting']) {
        await write(`database/config/${name}`, { host, port, db, verify_connection: false });
      }
    });
    after(async () => {
      await home.remove();
      for (const name of ofOurs) await database.query(`DROP ROLE IF EXISTS "${name}"`);
      await database.stop();
    });

    it('are renewed and revoked', async () => {
      const { leaseId, username } = issued.get('renewed') ?? assert.fail();
      const validUntil = async (): Promise<unknown> =>
        (await database.query('SELECT rolvaliduntil FROM pg_roles WHERE rolname = $1', [username]))[0]?.[
          'rolvaliduntil'
        ];
      assert.equal(await validUntil(), null);
      await write('sys/leases/renew', { lease_id: leaseId });
      assert.notEqual(await validUntil(), null);
      for (const name of ['plain', 'full', 'renewed']) {
        const lease = issued.get(name) ?? assert.fail(name);
        assert.ok(await there(lease.username));
        await write('sys/leases/revoke', { lease_id: lease.leaseId, sync: true });
        assert.ok(!(await there(lease.username)), `${name} is over`);
      }
    });

    it('are revoked by the statements that they were issued with', async () => {
      const { leaseId, username } = issued.get('broken') ?? assert.fail();
      await write('database/roles/broken', { revocation_statements: [] });
      assert.match(await refusal(write('sys/leases/revoke', { lease_id: leaseId, sync: true })), /division by zero/);
      assert.ok(await there(username));
    });

    it('are made of roles', async () => {
      const answer = await server.client.read('database/creds/app-full');
      const { username, password } = answer?.data as { username: string; password: string };
      ofOurs.push(username);
      assert.match(password, /^[a-z]{40}$/, 'by the password policy of the role');
      assert.ok(await logsIn(username, password));
    });

    it('that were being made when the server was killed are gone', async () => {
      await eventually(
        async () => !(await there(home.fixture.creating)),
        () => `${home.fixture.creating} is still there:\n${server.log().slice(-3000)}`,
        // Of a file that was made just now: the database is given two minutes to make the login.
        { patienceMs: 150_000 },
      );
    });

    it('of static roles have the passwords that they had', async () => {
      for (const role of ['kept', 'scheduled', 'periodic', 'failing']) {
        const { value } = home.fixture.rows.find(({ place }) => place.endsWith(`/static/${role}`)) ?? assert.fail(role);
        assert.equal(await passwordOf(role), value['password']);
      }
      const failing = await server.client.read('database/static-roles/failing');
      assert.ok(Number(failing?.data?.['failed_rotations']) >= 1);
      await write('database/rotate-role/periodic');
      assert.ok(await logsIn('login-periodic', await passwordOf('periodic')));
    });

    it('whose rotation was cut off get the password that was written down for it', async () => {
      const { value } = home.fixture.rows.find(({ place }) => place.endsWith('/static/open')) ?? assert.fail();
      assert.equal(await passwordOf('open'), value['pending']);
      assert.ok(await logsIn('login-open', textOf(value, 'pending')));
    });

    it('that a connection uses get the password of the rotation that was cut off', async () => {
      const { value } = home.fixture.rows.find(({ place }) => place.endsWith('/root/rooting')) ?? assert.fail();
      await eventually(
        async () => logsIn('admin-rooting', textOf(value, 'password')),
        () => `the rotation is not finished:\n${server.log().slice(-3000)}`,
      );
      assert.ok(!(await logsIn('admin-rooting', 'first-rooting')));
    });
  });
}
