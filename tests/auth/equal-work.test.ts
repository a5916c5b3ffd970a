/**
 * Nobody can tell by the time of an answer which users there are: a login with a wrong password costs as much as one of a user
 * that nobody has heard of. Counted in hashes and in what the store is asked, since times are never the same.
 */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { after, before, describe, it, type Mock, mock } from 'node:test';
import { Worker } from 'node:worker_threads';
import { CofferError, isJsonObject, type JsonObject, silentLogger } from '@coffer/base';
import { createStaticSeal } from '@coffer/core';
import { openEmbeddedStore, type SqlStatement, type Store } from '@coffer/store';
import { composeSealable } from '../../apps/coffer/src/compose.ts';

interface Work {
  /** `read` or `write`, in their order. */
  readonly asked: string[];
  hashes: number;
}

const working = new AsyncLocalStorage<Work>();

function countingStore(store: Store): Store {
  const note = (statements: readonly SqlStatement[]): void => {
    const kinds = statements.map(({ sql }) => (/^\s*SELECT/.test(sql) ? 'read' : 'write'));
    working.getStore()?.asked.push(...kinds);
  };
  return {
    exclusive: store.exclusive,
    run(sql, params) {
      note([{ sql }]);
      return store.run(sql, params);
    },
    transaction(statements) {
      note(statements);
      return store.transaction(statements);
    },
    close: () => store.close(),
  };
}

describe('a login that fails', () => {
  let posted: Mock<Worker['postMessage']>;
  /** What hashes is a thread: each message with a cost is one hash. */
  const hashes = (): number =>
    posted.mock.calls.filter(({ arguments: [message] }) => isJsonObject(message) && 'cost' in message).length;
  const seal = createStaticSeal({ current: { id: 'test', key: Buffer.alloc(32, 'work') } });
  let server: ReturnType<typeof composeSealable>;
  let store: Store;
  const send = (path: string, data: JsonObject, token = 'root') =>
    server.handle({ id: '', remoteAddress: '127.0.0.1', operation: 'update', path, data, token });

  before(async () => {
    posted = mock.method(Worker.prototype, 'postMessage');
    store = countingStore(await openEmbeddedStore({ path: ':memory:' }));
    server = composeSealable({ store, storageType: 'file', autoSeal: seal, logger: silentLogger });
    await server.start();
    await server.init({ recovery: { shares: 1, threshold: 1 }, rootToken: 'root' });
    for (const type of ['userpass', 'approle']) await send(`sys/auth/${type}`, { type });
    await send('auth/userpass/users/ana', { password: 'right' });
    await send('auth/approle/role/web', { role_id: 'web-id' });
  });
  after(async () => {
    mock.restoreAll();
    await server.stop();
    await store.close();
  });

  /** What a login costs, and what it is refused with. */
  async function work(path: string, data: JsonObject): Promise<{ error: string } & Work> {
    const done: Work = { asked: [], hashes: 0 };
    const before = hashes();
    const refused = await working.run(done, () =>
      send(path, data, '').then(
        () => assert.fail('it succeeded'),
        (thrown: unknown) => CofferError.from(thrown).message,
      ),
    );
    return { ...done, hashes: hashes() - before, error: refused };
  }

  for (const [method, login, wrong, everyTime] of [
    ['userpass', (name: string) => work(`auth/userpass/login/${name}`, { password: 'wrong' }), ['ana', 'nobody'], 1],
    [
      'approle',
      (id: string) => work('auth/approle/login', { role_id: id, secret_id: 'wrong' }),
      ['web-id', 'no-id'],
      0,
    ],
  ] as const) {
    it(`costs the same by ${method} whether there is such a user or not, until and while they are locked out`, async () => {
      const [known, stranger] = wrong;
      // The first one warms what the node keeps in memory.
      for (const name of wrong) await login(name);
      for (let failure = 2; failure <= 8; failure++) {
        const [one, other] = [await login(known), await login(stranger)];
        assert.deepEqual(other, one, `failure ${failure}`);
        const isLockedOut = failure > 5;
        assert.equal(one.error, isLockedOut ? 'permission denied' : one.error);
        assert.equal(/^invalid (username|role)/.test(one.error), !isLockedOut);
        if (!isLockedOut) assert.equal(one.hashes, everyTime);
        assert.ok(one.asked.includes('write') !== isLockedOut, one.asked.join());
      }
    });

    it(`costs the same by ${method} the first time too, and where nobody is locked out`, async () => {
      await send(`sys/auth/${method}/tune`, { user_lockout_config: { lockout_disable: true } });
      const [known, stranger] = wrong;
      await login(known);
      assert.deepEqual(await login(`${stranger}-2`), await login(known));
      assert.deepEqual(await login(`${stranger}-3`), await login(known));
    });
  }
});
