import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createLogger, type LogEntry } from '@coffer/base';
import { type PosedCluster, startPosedCluster, startPostgres, type TestPostgres } from '@coffer/testkit';
import { Failure } from '@coffer/yb-connection';
import { logIn, newUser, openYsql, roleExists } from '../ysql-fixture.ts';
import { type EndOnNode, type OwedPolicy, OwedSessions } from './owed-sessions.ts';

const LOGIN = `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'`;
const WARNING = 'failed to reach all nodes to end the sessions of a revoked user';
const CLOSED = 'the connection was closed before the sessions of revoked users could be ended on a node';
const ENDED = 'ended the sessions of revoked users on a node that was unreachable before';
const IN_VAIN = 'sessions of revoked users may still be open: a node failed to end them';

describe('a node that could not be reached when a user was revoked', () => {
  let server: TestPostgres;
  let posed: PosedCluster;
  before(async () => {
    server = await startPostgres();
    posed = await startPosedCluster({ target: server, nodes: [{ name: 'n1' }, { name: 'n2' }] });
  });
  after(async () => {
    await posed.stop();
    await server.stop();
  });

  it('ends the sessions when it comes back, without another call', async () => {
    const { host, port } = posed.node('n1');
    await using opened = await openYsql({ ...server, host, port }, { max_open_connections: 1 });
    const username = await opened.database.newUser(newUser(LOGIN));
    const session = await logIn(posed.node('n2'), username, 'Pass-1234-word');
    const ended = new Promise((resolve) => session.once('end', resolve));
    await posed.node('n2').refuse(true);
    await opened.database.deleteUser({ username, statements: [] });
    assert.equal(await roleExists(server, username), false);
    await session.query('SELECT 1');
    assert.deepEqual(
      opened.log.map(({ message }) => message),
      [WARNING],
    );
    await posed.node('n2').refuse(false);
    await ended;
  });

  it('is let go when the database is closed, and no call waits for it while it hangs', async () => {
    const { host, port } = posed.node('n1');
    const opened = await openYsql({ ...server, host, port }, { max_open_connections: 1, connect_timeout: '5s' });
    posed.node('n2').hang(true);
    for (let i = 0; i < 2; i++) {
      const username = await opened.database.newUser(newUser(LOGIN));
      await opened.database.deleteUser({ username, statements: [] });
      assert.equal(await roleExists(server, username), false);
    }
    await opened.database.close();
    posed.node('n2').hang(false);
    assert.deepEqual(
      opened.log.map(({ message, fields }) => [message, fields['users']]),
      [
        [WARNING, undefined],
        [WARNING, undefined],
        [CLOSED, 2],
      ],
    );
  });
});

describe('owed sessions', () => {
  const SOON: OwedPolicy = { firstMs: 1, longestMs: 4, totalMs: 60_000 };

  /** Resolves when a line of `level` is logged. */
  function start(end: EndOnNode, policy: OwedPolicy = SOON) {
    const log: LogEntry[] = [];
    const waiting: (() => void)[] = [];
    const logger = createLogger('owed', 'info', (entry) => {
      log.push(entry);
      for (const resume of waiting.splice(0)) resume();
    });
    // The timer keeps no process alive, so something else must.
    const alive = setInterval(() => undefined, 1000);
    const logged = async (count: number): Promise<unknown[]> => {
      while (log.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
      clearInterval(alive);
      return log.map(({ level, message, fields }) => [level, message, fields['node'], fields['users']]);
    };
    return { owed: new OwedSessions(end, logger, policy), logged };
  }

  it('are asked for until a node has none, node by node', async () => {
    const left = new Map([
      ['a', [new Error('down'), 2, 0]],
      ['b', [new Error('down'), new Error('down'), new Error('down'), 0]],
    ]);
    const asked: string[] = [];
    const { owed, logged } = start(async (node, oids) => {
      asked.push(`${node} ${oids.join(' ')}`);
      const answer = left.get(node)?.shift() ?? 0;
      if (answer instanceof Error) throw answer;
      return answer;
    });
    owed.owe(['a', 'b'], ['1', '2']);
    owed.owe(['b'], ['2', '3']);
    assert.deepEqual(await logged(2), [
      ['info', ENDED, 'a', 2],
      ['info', ENDED, 'b', 3],
    ]);
    const b = 'b 1 2 3';
    assert.deepEqual(asked, ['a 1 2', b, 'a 1 2', b, 'a 1 2', b, b]);
    owed.close();
  });

  it('that come up while a node is asked are asked for in the next round', async () => {
    const asked: string[] = [];
    const { owed, logged } = start(async (_, oids) => {
      if (asked.push(oids.join(' ')) === 1) owed.owe(['a'], ['2']);
      return 0;
    });
    owed.owe(['a'], ['1']);
    await logged(2);
    assert.deepEqual(asked, ['1', '2']);
    owed.close();
  });

  it('are on no node where nobody seems to be, which is asked all the same', async () => {
    const refused = new Failure('unreachable', 'connection refused', { nobodyThere: true });
    const answers = [refused, 1, 0];
    const seen: (readonly string[])[] = [];
    const { owed, logged } = start(async () => {
      seen.push(owed.nodesOf('user'));
      const answer = answers.shift() ?? 0;
      if (answer instanceof Failure) throw answer;
      return answer;
    });
    owed.owe(['a'], ['1']);
    owed.revoked('user', '1');
    assert.deepEqual(await logged(1), [['info', ENDED, 'a', 1]]);
    assert.deepEqual(seen, [['a'], [], []]);
    owed.owe(['a'], ['2'], { nobodyThere: true });
    owed.revoked('user', '2');
    assert.deepEqual(owed.nodesOf('user'), []);
    owed.close();
  });

  it('are given up in the end, with a warning', async () => {
    const { owed, logged } = start(async () => Promise.reject(new Error('down')), { ...SOON, totalMs: 20 });
    owed.owe(['a'], ['1', '2']);
    assert.deepEqual(await logged(1), [['warn', IN_VAIN, 'a', 2]]);
    owed.close();
  });

  it('are forgotten when it closes, in the middle of asking too', async () => {
    let asked = 0;
    const { owed, logged } = start(async (_node, _oids, signal) => {
      asked++;
      owed.close();
      assert.equal(signal.aborted, true);
      owed.owe(['b'], ['1']);
      return 0;
    });
    owed.owe(['a'], ['1']);
    assert.deepEqual(await logged(1), [['warn', CLOSED, 'a', 1]]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(asked, 1);
  });
});
