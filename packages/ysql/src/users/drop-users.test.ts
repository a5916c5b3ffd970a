/** Several users are deleted together where that is all there is to it; each of the others is left as it is, for deleteUser. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startPostgres, type TestPostgres } from '@coffer/testkit';
import { logIn, newUser, type Opened, openYsql, roleExists } from '../ysql-fixture.ts';

const LOGIN = `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'`;
let server: TestPostgres;
before(async () => {
  server = await startPostgres();
  await server.query(`GRANT USAGE, CREATE ON SCHEMA public TO ${server.user} WITH GRANT OPTION`);
});
after(() => server.stop());

const makeUser = ({ database }: Opened, more = ''): Promise<string> => database.newUser(newUser(`${LOGIN}${more}`));

async function deleteUsers({ database }: Opened, usernames: readonly string[]): Promise<readonly string[]> {
  return (await database.deleteUsers?.(usernames)) ?? [];
}

describe('deleteUsers', () => {
  it('drops them, ends their sessions, and counts those that were gone already', async () => {
    await using opened = await openYsql(server);
    const odd = `it's "o{d,d}" \\ in (every) way`;
    const quoted = `"${odd.replaceAll('"', '""')}"`;
    await server.query(`CREATE ROLE ${quoted} LOGIN`);
    await server.query(`GRANT ${quoted} TO ${server.user} WITH ADMIN OPTION`);
    const usernames = [await makeUser(opened), await makeUser(opened), odd, 'never-made', `no"body's{}\\`];
    const session = await logIn(server, usernames[0] ?? '', 'Pass-1234-word');
    const ended = new Promise((resolve) => session.once('end', resolve));
    assert.deepEqual(await deleteUsers(opened, usernames), usernames);
    await ended;
    for (const name of usernames) assert.equal(await roleExists(server, name), false, name);
  });

  it('leaves those that own something, with what they own, to deleteUser', async () => {
    await using opened = await openYsql(server);
    const plain = await makeUser(opened);
    const owner = await makeUser(opened, '; GRANT CREATE ON SCHEMA public TO "{{name}}"');
    const client = await logIn(server, owner, 'Pass-1234-word');
    await client.query('CREATE TABLE kept_table (id int)');
    await client.end();
    assert.deepEqual(await deleteUsers(opened, [owner, plain]), [plain]);
    assert.deepEqual([await roleExists(server, owner), await roleExists(server, plain)], [true, false]);
    assert.deepEqual(await server.query(`SELECT tableowner FROM pg_tables WHERE tablename = 'kept_table'`), [
      { tableowner: owner },
    ]);
    await opened.database.deleteUser({ username: owner, statements: [] });
    assert.equal(await roleExists(server, owner), false);
  });

  it('drops none where each is to be looked at for what it owns', async () => {
    await using opened = await openYsql(server, { owned_objects: 'fail' });
    const usernames = [await makeUser(opened), await makeUser(opened)];
    assert.deepEqual(await deleteUsers(opened, usernames), []);
    for (const username of usernames) {
      assert.equal(await roleExists(server, username), true);
      await opened.database.deleteUser({ username, statements: [] });
    }
  });

  it('leaves one that owns a database for as long as it does', async () => {
    await using opened = await openYsql(server);
    const usernames = [await makeUser(opened), await makeUser(opened)];
    await server.query('CREATE DATABASE of_another');
    await server.query(`ALTER DATABASE of_another OWNER TO "${usernames[1]}"`);
    assert.deepEqual(await deleteUsers(opened, usernames), [usernames[0]]);
    await server.query(`ALTER DATABASE of_another OWNER TO ${server.user}`);
    assert.deepEqual(await deleteUsers(opened, usernames), usernames);
  });

  it('leaves them all when the database refuses to drop one of them, and each can be deleted by itself', async () => {
    await using opened = await openYsql(server);
    const usernames = [await makeUser(opened), await makeUser(opened)];
    const [, refused = ''] = usernames;
    await server.query(`ALTER ROLE "${refused}" SUPERUSER`);
    assert.deepEqual(await deleteUsers(opened, usernames), []);
    for (const username of usernames) assert.equal(await roleExists(server, username), true);
    await opened.database.deleteUser({ username: usernames[0] ?? '', statements: [] });
    await assert.rejects(opened.database.deleteUser({ username: refused, statements: [] }), /superuser/);
  });
});
