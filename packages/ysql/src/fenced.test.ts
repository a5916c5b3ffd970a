/** Nothing that changes a login is sent under a claim that was lost, whichever way it takes to the server. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CofferError, Secret, underClaim } from '@coffer/base';
import type { Database } from '@coffer/database-plugin';
import { startPostgres, startWireProxy, type TestPostgres, type WireProxy } from '@coffer/testkit';
import { newUser, type Opened, openYsql, SEED_SQL } from './ysql-fixture.ts';

const LOGIN = `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`;
const EFFECT = /^\s*(CREATE|ALTER|DROP|GRANT|REVOKE|DO)\b/im;

describe('under a claim that was lost', () => {
  let server: TestPostgres;
  let proxy: WireProxy;
  let opened: Opened;
  let username: string;
  before(async () => {
    server = await startPostgres({ authMethod: 'md5' });
    proxy = await startWireProxy({ target: server, mode: 'postgresql' });
    opened = await openYsql({ ...server, port: proxy.port });
    username = await opened.database.newUser(newUser(LOGIN));
  });
  after(async () => {
    await opened[Symbol.asyncDispose]();
    await proxy.stop();
    await server.stop();
  });

  const password = { newPassword: new Secret('N3w-word'), statements: [] };
  const expiration = (statements: readonly string[] = []) => ({ newExpiration: new Date(), statements });
  const WORKS: Readonly<Record<string, (database: Database) => Promise<unknown>>> = {
    'a login is made, alone': (database) => database.newUser(newUser([LOGIN, 'SELECT 1'])),
    'a login is made, with others': (database) => database.newUser(newUser(LOGIN)),
    'a login is made, with privileges': (database) => database.newUser(newUser(SEED_SQL)),
    'a password is changed': (database) => database.updateUser({ username, password }),
    'a password is changed by own statements': (database) =>
      database.updateUser({
        username,
        password: { ...password, statements: ['SELECT 1', `ALTER ROLE "{{name}}" PASSWORD '{{password}}'`] },
      }),
    "the admin's own password is changed": (database) => database.updateUser({ username: server.user, password }),
    'an expiration is changed': (database) => database.updateUser({ username, expiration: expiration() }),
    'an expiration is changed by own statements': (database) =>
      database.updateUser({ username, expiration: expiration([`ALTER ROLE "{{name}}" VALID UNTIL '{{expiration}}'`]) }),
    'a login is dropped': (database) => database.deleteUser({ username, statements: [] }),
    'a login is dropped by own statements': (database) =>
      database.deleteUser({ username, statements: ['DROP ROLE "{{name}}"'] }),
  };
  for (const [what, work] of Object.entries(WORKS)) {
    it(`nothing is sent when ${what}`, async () => {
      const lost = new CofferError('unavailable', 'taken over');
      const first = proxy.statements.length;
      let asked = 0;
      const check = async (): Promise<void> => {
        asked++;
        throw lost;
      };
      await assert.rejects(
        underClaim(check, () => work(opened.database)),
        /taken over/,
      );
      assert.ok(asked > 0);
      const sent = proxy.statements.slice(first).map(({ sql }) => sql);
      assert.deepEqual(
        sent.filter((sql) => EFFECT.test(sql)),
        [],
      );
    });
  }
});
