import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createLogger, isCofferError, type JsonObject, Secret } from '@coffer/base';
import { startPosedCluster, startPostgres, startWireProxy, type TestPostgres, type WireProxy } from '@coffer/testkit';
import { Cluster, connect, Failure } from '@coffer/yb-connection';
import { sessionProfile } from './ddl/session-profile.ts';
import { parseSettings } from './settings/settings.ts';
import { newUser, openYsql, roleExists } from './ysql-fixture.ts';

let primary: TestPostgres;
let standby: TestPostgres;
before(async () => {
  [primary, standby] = await Promise.all([startPostgres(), startPostgres()]);
  // It stays in recovery for ever, as a standby whose primary is away.
  await standby.halt();
  await writeFile(path.join(standby.dataDirectory, 'standby.signal'), '');
  await standby.resume();
});
after(() => Promise.all([primary.stop(), standby.stop()]));

const LOGIN = { username: 'yugabyte', password: 'yugabyte' };
const authority = (hosts: readonly { port: number }[]): string =>
  hosts.map(({ port }) => `127.0.0.1:${port}`).join(',');
const urlOf = (hosts: readonly { port: number }[], query = ''): JsonObject => ({
  connection_url: `postgres://{{username}}:{{password}}@${authority(hosts)}/yugabyte${query}`,
  ...LOGIN,
});

/** Where a connection leads, by its port; or why there is none. */
async function leadsTo(config: JsonObject): Promise<number | string> {
  const settings = parseSettings(config, () => undefined);
  const logger = createLogger('ysql', 'error', () => undefined);
  const dial: ConstructorParameters<typeof Cluster>[1] = (...to) => connect(settings, sessionProfile(settings), ...to);
  try {
    const session = await new Cluster(settings, dial, logger).open();
    await session.close();
    return session.identity.port;
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    return error.message;
  }
}

describe('target_session_attrs', () => {
  it('passes over a host that is not so, whichever comes first', async () => {
    const expected = {
      any: (hosts: readonly TestPostgres[]) => hosts[0],
      '': () => primary,
      'read-write': () => primary,
      primary: () => primary,
      'read-only': () => standby,
      standby: () => standby,
      'prefer-standby': () => standby,
    };
    for (const [wanted, host] of Object.entries(expected)) {
      for (const hosts of [
        [primary, standby],
        [standby, primary],
      ]) {
        const led = await leadsTo(urlOf(hosts, `?target_session_attrs=${wanted}`));
        assert.equal(led, host(hosts)?.port, `${wanted} of ${authority(hosts)}`);
      }
    }
  });

  it('is taken as a field, in a URL and in the key=value form', async () => {
    const ports = `${standby.port},${primary.port}`;
    const keywords = `host=127.0.0.1,127.0.0.1 port=${ports} user={{username}} password={{password}} dbname=yugabyte`;
    for (const config of [
      { ...urlOf([standby, primary]), target_session_attrs: 'primary' },
      urlOf([standby, primary], '?target_session_attrs=primary'),
      urlOf([standby, primary], '?target-session-attrs=primary'),
      { connection_url: `${keywords} target_session_attrs=primary`, ...LOGIN },
    ]) {
      assert.equal(await leadsTo(config), primary.port);
    }
  });

  it('says what the last host is when none is so, and with prefer-standby takes any', async () => {
    const why = await leadsTo(urlOf([standby], '?target_session_attrs=read-write'));
    assert.match(String(why), /: session is read-only, and target_session_attrs is read-write$/);
    assert.match(String(await leadsTo(urlOf([standby], '?target_session_attrs=primary'))), /in hot standby mode/);
    assert.match(String(await leadsTo(urlOf([primary], '?target_session_attrs=standby'))), /not in hot standby mode/);
    assert.equal(await leadsTo(urlOf([primary], '?target_session_attrs=prefer-standby')), primary.port);
    assert.equal(await leadsTo(urlOf([standby])), standby.port, 'without the setting any will do in the end');
  });

  it('decides where a password is tried', async () => {
    await primary.query("CREATE ROLE asked LOGIN PASSWORD 'right'");
    await using opened = await openYsql(primary, urlOf([standby, primary], '?target_session_attrs=read-write'));
    const ask = async (password: string) => await opened.database.verifyUser?.('asked', new Secret(password));
    // The standby knows no such role, as one that lags behind.
    assert.equal(await ask('right'), 'accepted');
    assert.equal(await ask('wrong'), 'refused');
  });

  it('waits for no host twice', async () => {
    const away = await startWireProxy({ target: primary });
    away.hang(true);
    try {
      for (const query of ['', '&target_session_attrs=prefer-standby']) {
        const before_ = away.taken;
        const hosts = query === '' ? [away, standby] : [away, primary];
        const led = await leadsTo(urlOf(hosts, `?connect_timeout=2${query}`));
        assert.equal(led, hosts[1]?.port);
        assert.equal(away.taken - before_, 1);
      }
    } finally {
      await away.stop();
    }
  });

  it('takes default_transaction_read_only for read-only, which otherwise keeps nobody from writing', async () => {
    await primary.query('ALTER DATABASE yugabyte SET default_transaction_read_only = on');
    try {
      assert.match(String(await leadsTo(urlOf([primary], '?target_session_attrs=read-write'))), /session is read-only/);
      assert.equal(await leadsTo(urlOf([primary], '?target_session_attrs=read-only')), primary.port);
      assert.equal(await leadsTo(urlOf([primary], '?target_session_attrs=primary')), primary.port);
      await using opened = await openYsql(primary);
      const name = await opened.database.newUser(newUser('CREATE ROLE "{{name}}" LOGIN'));
      await opened.database.deleteUser({ username: name, statements: [] });
    } finally {
      await primary.query('ALTER DATABASE yugabyte RESET default_transaction_read_only', [], 'postgres');
    }
  });
});

describe('a server that refuses to write (25006)', () => {
  const REFUSES = { sqlstate: '25006', message: 'cannot execute CREATE ROLE in a read-only transaction' };
  const writes = (proxy: WireProxy): number => proxy.statements.filter(({ sql }) => sql.includes('CREATE ROLE')).length;

  it('gives way to the next host, at once and for what comes after', async () => {
    await using opened = await openYsql(primary, urlOf([standby, primary], '?target_session_attrs=any'));
    for (const names of [1, 2]) {
      const name = await opened.database.newUser(newUser('CREATE ROLE "{{name}}" LOGIN'));
      assert.ok(await roleExists(primary, name), String(names));
      await opened.database.deleteUser({ username: name, statements: [] });
    }
  });

  it('has all its pooled connections dropped, and is asked last from then on', async () => {
    const [first, second] = await Promise.all([1, 2].map(() => startWireProxy({ target: primary })));
    assert.ok(first && second);
    try {
      await using opened = await openYsql(primary, { ...urlOf([first, second]), max_open_connections: 20 });
      const make = async (): Promise<string> => await opened.database.newUser(newUser('CREATE ROLE "{{name}}" LOGIN'));
      const slow = first.addFault({ match: /CREATE ROLE/, times: 12, action: { type: 'delay', ms: 200 } });
      const made = await Promise.all(Array.from({ length: 24 }, make));
      assert.ok(slow.fired > 0);
      assert.equal(second.connections, 0);
      first.clearFaults();
      first.addFault({ match: /CREATE ROLE/, times: Infinity, action: { type: 'error', ...REFUSES } });
      const before = writes(first);
      made.push(await make());
      assert.equal(writes(first) - before, 1);
      assert.equal(first.connections, 0);
      made.push(await make());
      assert.equal(writes(first) - before, 1, 'it was not asked again');
      // And back, when the other one refuses.
      first.clearFaults();
      second.addFault({ match: /CREATE ROLE/, times: Infinity, action: { type: 'error', ...REFUSES } });
      made.push(await make());
      assert.equal(writes(first) - before, 2);
      second.clearFaults();
      for (const username of made) await opened.database.deleteUser({ username, statements: [] });
    } finally {
      await Promise.all([first.stop(), second.stop()]);
    }
  });

  it('gives way to another node of a cluster', async () => {
    const cluster = await startPosedCluster({ target: primary, nodes: [{ name: 'n1' }, { name: 'n2' }] });
    try {
      const [one, two] = [cluster.node('n1'), cluster.node('n2')];
      const config = { host: one.host, port: one.port, load_balance: 'true' };
      await using opened = await openYsql(primary, config);
      one.addFault({ match: /CREATE ROLE/, times: Infinity, action: { type: 'error', ...REFUSES } });
      for (const times of [1, 2, 3]) {
        const username = await opened.database.newUser(newUser('CREATE ROLE "{{name}}" LOGIN'));
        assert.equal(writes(two), times);
        await opened.database.deleteUser({ username, statements: [] });
      }
      assert.ok(writes(one) <= 3, `${writes(one)} were refused`);
    } finally {
      await cluster.stop();
      await primary.query('DROP FUNCTION IF EXISTS pg_catalog.yb_servers()');
    }
  });

  it('is an error that says so when there is no other, after a few attempts', async () => {
    const proxy = await startWireProxy({ target: primary });
    try {
      await using opened = await openYsql(primary, urlOf([proxy]));
      const refusing = proxy.addFault({
        match: /CREATE ROLE/,
        times: Infinity,
        action: { type: 'error', ...REFUSES },
      });
      await assert.rejects(
        opened.database.newUser(newUser('CREATE ROLE "{{name}}" LOGIN')),
        (error) =>
          isCofferError(error, 'failed') &&
          /SQLSTATE 25006\): the server is a standby, or the transaction was made read-only/.test(error.message),
      );
      assert.ok(refusing.fired > 1 && refusing.fired <= 9, `${refusing.fired} attempts`);
    } finally {
      await proxy.stop();
    }
  });

  it('is an error when a statement of the role has made the transaction read-only', async () => {
    await using opened = await openYsql(primary);
    const statements = ['SET TRANSACTION READ ONLY', 'CREATE ROLE "{{name}}" LOGIN'];
    await assert.rejects(opened.database.newUser(newUser(statements)), /25006/);
    await opened.database.newUser(newUser('CREATE ROLE "{{name}}" LOGIN'));
  });
});
