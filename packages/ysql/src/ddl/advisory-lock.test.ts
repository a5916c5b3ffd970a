import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startPostgres, startWireProxy, type TestPostgres } from '@coffer/testkit';
import { logIn, newUser, openYsql, SEED_SQL } from '../ysql-fixture.ts';

let server: TestPostgres;
before(async () => {
  server = await startPostgres();
});
after(() => server.stop());

let counter = 0;
const names = (count: number): string[] => Array.from({ length: count }, () => `locked-${++counter}`);

async function rolesOf(list: readonly string[]): Promise<number> {
  return (await server.query('SELECT 1 FROM pg_roles WHERE rolname = ANY($1)', [list])).length;
}

describe('several servers', () => {
  it('wait for each other before they touch shared privileges, but not for ever', async () => {
    const list = names(2);
    await using one = await openYsql(server);
    // The lock's key shows in what is sent; whoever holds it for ever must not hold us up.
    const proxy = await startWireProxy({ target: server });
    await using other = await openYsql({ ...server, port: proxy.port });
    await other.database.newUser(newUser(SEED_SQL, { username: list[0] ?? '' }));
    const take = proxy.statements.find(({ sql }) => sql.includes('pg_advisory_xact_lock'))?.sql ?? '';
    const holder = await logIn(server, server.user, server.password);
    await holder.query('BEGIN');
    await holder.query(take);
    assert.equal(await one.database.newUser(newUser(SEED_SQL, { username: list[1] ?? '' })), list[1]);
    await holder.end();
    for (const username of list) await one.database.deleteUser({ username, statements: [] });
    await proxy.stop();
  });
  it('get no error', async () => {
    await using one = await openYsql(server);
    await using other = await openYsql(server);
    const list = names(24);
    await Promise.all(
      list.map((username, at) => (at % 2 ? one : other).database.newUser(newUser(SEED_SQL, { username }))),
    );
    await Promise.all(
      list.map((username, at) => (at % 2 ? one : other).database.deleteUser({ username, statements: [] })),
    );
    assert.equal(await rolesOf(list), 0);
  });
});
