import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { after, before, describe, it, type TestContext } from 'node:test';
import { startPostgres, startWireProxy, type TestPostgres } from '@coffer/testkit';
import { newUser, openYsql } from '../ysql-fixture.ts';

const IN_ROLE = `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' IN ROLE app`;

let server: TestPostgres;
before(async () => {
  server = await startPostgres();
  await server.query('CREATE ROLE app');
  await server.query(`GRANT app TO ${server.user} WITH ADMIN OPTION`);
});
after(() => server.stop());

let counter = 0;
const names = (count: number): string[] => Array.from({ length: count }, () => `posed-${++counter}`);

/** A relay that makes the server call itself a YugabyteDB in its ParameterStatus; nothing else changes. */
async function relayAsYugabyte(port: number): Promise<Server> {
  const name = Buffer.from('server_version\0');
  const relay = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
    client.pipe(upstream);
    upstream.on('end', () => client.end());
    upstream.on('data', (chunk: Buffer) => {
      const at = chunk.indexOf(name);
      if (at < 0) client.write(chunk);
      else {
        const end = chunk.indexOf(0, at + name.length);
        const body = Buffer.concat([name, Buffer.from('15.2-YB-2025.1.0.0-b0\0')]);
        const length = Buffer.alloc(4);
        length.writeInt32BE(body.length + length.length);
        client.write(Buffer.concat([chunk.subarray(0, at - length.length), length, body, chunk.subarray(end + 1)]));
      }
    });
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  return relay;
}

/**
 * What such a server says of its DDL. PostgreSQL knows neither setting, so the names are changed on the way into ones that
 * anybody may set there; the DDL is in fact PostgreSQL's own.
 */
const TRANSACTIONAL = 'yb_ddl_transaction_block_enabled';
const NOT_WHEN_READ_COMMITTED = 'yb_disable_ddl_transaction_block_for_read_committed';

describe('a server that calls itself YugabyteDB', () => {
  /** Poses until the end of a test. */
  async function pose(test: TestContext, says: Readonly<Record<string, string>>) {
    const rewrite = (sql: string): string => sql.replaceAll(/'yb_(?=ddl_tran|disable_ddl)/g, "'posed.yb_");
    const proxy = await startWireProxy({ target: server, rewrite });
    const relay = await relayAsYugabyte(proxy.port);
    test.after(async () => {
      relay.close();
      await proxy.stop();
      await server.query(`ALTER ROLE "${server.user}" RESET ALL`);
    });
    for (const [name, value] of Object.entries(says)) {
      await server.query(`ALTER ROLE "${server.user}" SET "posed.${name}" = '${value}'`);
    }
    return { statements: proxy.statements, port: (relay.address() as AddressInfo).port };
  }

  for (const { says, together } of [
    { says: { [TRANSACTIONAL]: 'on' }, together: true },
    { says: { [TRANSACTIONAL]: 'on', [NOT_WHEN_READ_COMMITTED]: 'off' }, together: true },
    { says: { [TRANSACTIONAL]: 'on', [NOT_WHEN_READ_COMMITTED]: 'on' }, together: false },
    { says: { [TRANSACTIONAL]: 'off' }, together: false },
    { says: {}, together: false },
  ]) {
    it(`and says of its DDL ${JSON.stringify(says)} makes users ${together ? 'together' : 'one by one'}`, async (test) => {
      const { statements, port } = await pose(test, says);
      await using opened = await openYsql({ ...server, port });
      // The first user shows what the server does.
      const list = names(9);
      const [first = '', ...others] = list;
      await opened.database.newUser(newUser(IN_ROLE, { username: first }));
      const before = statements.length;
      await Promise.all(others.map((username) => opened.database.newUser(newUser(IN_ROLE, { username }))));
      const sent = statements.slice(before).map(({ sql }) => sql);
      const transactions = sent.filter((sql) => /\bCOMMIT\b/.test(sql)).length;
      assert.ok(together ? transactions <= 4 : transactions === 8, `${transactions} transactions`);
      await Promise.all(list.map((username) => opened.database.deleteUser({ username, statements: [] })));
    });
  }

  it('has its DDL one at a time, also where it is transactional', async (test) => {
    const { statements, port } = await pose(test, { [TRANSACTIONAL]: 'on' });
    await using opened = await openYsql({ ...server, port });
    const list = names(40);
    for (let round = 0; round < 2; round++) {
      await Promise.all(list.map((username) => opened.database.newUser(newUser(IN_ROLE, { username }))));
      await Promise.all(list.map((username) => opened.database.deleteUser({ username, statements: [] })));
    }
    const ddl = statements.filter(({ sql }) => /(CREATE|DROP) ROLE/.test(sql));
    assert.equal(new Set(ddl.map(({ connection }) => connection)).size, 1);
  });

  it('gets a transaction for each user, whatever its transactions would do', async () => {
    const proxy = await startWireProxy({ target: server });
    const relay = await relayAsYugabyte(proxy.port);
    const { port } = relay.address() as AddressInfo;
    const list = names(6);
    {
      await using opened = await openYsql({ ...server, port });
      await Promise.all(list.map((username) => opened.database.newUser(newUser(IN_ROLE, { username }))));
      await Promise.all(list.map((username) => opened.database.deleteUser({ username, statements: [] })));
    }
    const sent = proxy.statements.map(({ sql }) => sql);
    assert.equal(sent.filter((sql) => sql === 'COMMIT').length, 6);
    assert.equal(sent.filter((sql) => sql.includes('txid_current')).length, 0);
    assert.equal(sent.filter((sql) => sql.startsWith('DROP ROLE')).length, 1);
    relay.close();
    await proxy.stop();
  });
});
