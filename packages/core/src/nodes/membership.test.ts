import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { setImmediate as immediate } from 'node:timers/promises';
import { CofferError, createLogger, PROCESS_ID, VERSION } from '@coffer/base';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { makeSealable } from '../seal/sealable-fixture.ts';
import { Membership } from './membership.ts';
import { DEAD_MS, HEARTBEAT_MS, listNodes, type NodeState } from './nodes.ts';

describe('a node', () => {
  let inner: Store;
  let node: Membership;
  let state: NodeState;
  let epoch: number;
  let looks: number;
  let steady: boolean[];
  let log: string[];
  /** What the store does before it answers. */
  let answer: () => Promise<void>;
  let beats: number;

  const watched = (exclusive: boolean): Store => ({
    exclusive,
    async run(sql, params) {
      if (sql.startsWith('UPDATE nodes')) {
        beats++;
        await answer();
      }
      return inner.run(sql, params);
    },
    transaction: (statements) => inner.transaction(statements),
    close: () => inner.close(),
  });
  const make = (exclusive: boolean): Membership =>
    new Membership({
      store: watched(exclusive),
      address: 'https://a:8200',
      state: () => state,
      epoch: () => epoch,
      afterBeat: async ({ isSteady }) => {
        looks++;
        steady.push(isSteady);
      },
      logger: createLogger('', 'info', ({ level, message }) => void log.push(`${level} ${message}`)),
    });
  const rows = async () =>
    (await listNodes(inner)).map(({ id, address, state: is, epoch: seen }) => [id, address, is, seen]);
  /** The store in memory answers from another thread. */
  const beaten = async (count: number): Promise<void> => {
    while (looks < count) await immediate();
  };

  beforeEach(async () => {
    mock.timers.enable({ apis: ['setInterval'] });
    inner = await openEmbeddedStore({ path: ':memory:' });
    [state, epoch, looks, beats, log, steady, answer] = ['sealed', -1, 0, 0, [], [], async () => undefined];
    node = make(false);
  });
  afterEach(async () => {
    mock.timers.reset();
    answer = async () => undefined;
    await node.stop();
    await inner.close();
  });

  it('says what it is, again and again, and leaves', async () => {
    assert.equal(node.lastHeardMs, Number.POSITIVE_INFINITY);
    await node.start();
    assert.deepEqual(await rows(), [[PROCESS_ID, 'https://a:8200', 'sealed', -1]]);
    const [first] = await listNodes(inner);
    assert.equal(first?.version, VERSION);
    assert.ok(Number.isFinite(node.lastHeardMs));
    await inner.run('UPDATE nodes SET heartbeat = 0');
    mock.timers.tick(HEARTBEAT_MS);
    await beaten(2);
    const [again] = await listNodes(inner);
    assert.deepEqual([again?.isDead, again?.started], [false, first?.started]);
    await node.stop();
    assert.deepEqual(await rows(), []);
    assert.deepEqual(log, []);
  });

  it('says at once what has changed, also what changes while it says something', async () => {
    await node.start();
    state = 'active';
    node.tell('https://b:8200');
    const slow = Promise.withResolvers<void>();
    answer = () => slow.promise;
    epoch = 7;
    node.tell();
    node.tell();
    slow.resolve();
    await beaten(3);
    assert.deepEqual(await rows(), [[PROCESS_ID, 'https://b:8200', 'active', 7]]);
    assert.equal(beats, 3);
  });

  it('waits for a store that is away, one beat at a time, and says so once', async () => {
    await node.start();
    const away = Promise.withResolvers<void>();
    answer = () => away.promise;
    for (let count = 0; count < 5; count++) mock.timers.tick(HEARTBEAT_MS);
    await immediate();
    assert.equal(beats, 2);
    answer = async () => {
      throw new CofferError('unavailable', 'still away');
    };
    away.reject(new CofferError('unavailable', 'away'));
    await immediate();
    mock.timers.tick(HEARTBEAT_MS);
    await immediate();
    assert.equal(beats, 3);
    answer = async () => undefined;
    mock.timers.tick(HEARTBEAT_MS);
    await beaten(2);
    assert.deepEqual(log, ['warn the store does not answer', 'info the store answers again']);
  });

  it('comes back after it was taken for dead', async () => {
    await node.start();
    await inner.run('DELETE FROM nodes');
    mock.timers.tick(HEARTBEAT_MS);
    await beaten(2);
    assert.equal((await rows()).length, 1);
    assert.deepEqual(log, ['warn other nodes declared this node dead and take over its unfinished work']);
  });

  it('does not know whether it lives while it was not heard, and whether others do until all could be heard', async () => {
    mock.timers.reset();
    mock.timers.enable({ apis: ['setInterval', 'Date'], now: Date.now() });
    await node.start();
    const first = node.life;
    for (let count = 1; count <= DEAD_MS / HEARTBEAT_MS; count++) {
      assert.equal(node.life, first);
      mock.timers.tick(HEARTBEAT_MS);
      await beaten(count + 1);
    }
    assert.deepEqual(steady, [false, false, false, false, true]);
    assert.equal(node.life, first);
    answer = () => Promise.reject(new CofferError('unavailable', 'away'));
    for (let count = 0; count < 2; count++) {
      mock.timers.tick(HEARTBEAT_MS + 1);
      await immediate();
    }
    assert.equal(node.life, undefined);
    answer = async () => undefined;
    mock.timers.tick(HEARTBEAT_MS);
    await beaten(6);
    assert.equal(node.life, first, 'nobody has taken it out');
    assert.equal(steady.at(-1), false);
    await inner.run('DELETE FROM nodes');
    mock.timers.tick(HEARTBEAT_MS);
    await beaten(7);
    assert.notEqual(node.life, first);
  });

  it('starts without a store that answers, and registers later', async () => {
    answer = async () => {
      throw new CofferError('unavailable', 'away');
    };
    await node.start();
    assert.equal(node.lastHeardMs, Number.POSITIVE_INFINITY);
    answer = async () => undefined;
    mock.timers.tick(HEARTBEAT_MS);
    await beaten(1);
    assert.equal((await rows()).length, 1);
  });

  it('does not beat where nobody else can be, and forgets those before it', async () => {
    await inner.run(
      `INSERT INTO nodes (id, address, version, state, started, heartbeat, epoch)
       VALUES ('anotherProc1', '', '', 'active', 0, store_now(), 0)`,
    );
    node = make(true);
    await node.start();
    assert.deepEqual(await rows(), [[PROCESS_ID, 'https://a:8200', 'sealed', -1]]);
    mock.timers.tick(HEARTBEAT_MS * 2);
    await immediate();
    assert.equal(beats, 1);
    state = 'active';
    node.tell();
    await beaten(2);
    assert.deepEqual(await rows(), [[PROCESS_ID, 'https://a:8200', 'active', -1]]);
  });

  it('is there from the start of a server, whether sealed or open, until its end', async () => {
    const core = makeSealable({ store: watched(false) });
    const states = async () => (await listNodes(inner)).map((each) => each.state);
    const until = async (wanted: readonly NodeState[]): Promise<void> => {
      while (JSON.stringify(await states()) !== JSON.stringify(wanted)) await immediate();
    };
    await core.start();
    assert.deepEqual(await states(), ['sealed']);
    core.listensAt('http://127.0.0.1:8200');
    const { unsealShares } = await core.init({ unseal: { shares: 1, threshold: 1 } });
    const [share = new Uint8Array()] = unsealShares;
    await core.unseal(Uint8Array.from(share));
    await until(['active']);
    const [found] = await listNodes(inner);
    assert.deepEqual([found?.address, found?.isSelf], ['http://127.0.0.1:8200', true]);
    assert.ok(Number.isFinite(core.lastHeardMs));
    core.seal();
    await until(['sealed']);
    await core.unseal(Uint8Array.from(share));
    await until(['active']);
    await core.stop();
    assert.deepEqual(await states(), []);
  });
});
