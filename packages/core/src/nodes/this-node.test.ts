import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { createLogger } from '@coffer/base';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { makeSealable } from '../seal/sealable-fixture.ts';
import { CLOCK_MS } from './clock.ts';
import { DEAD_MS } from './nodes.ts';
import { ThisNode } from './this-node.ts';

const MINUTE = 60_000;

/** A store whose clock is `ahead` of this machine's, and whose answers take `travelMs` each way. */
function shifted(inner: Store, clock: { ahead: number; travelMs?: number }, exclusive = false): Store {
  return {
    exclusive,
    async run(sql, params) {
      if (!/^SELECT store_now\(\) AS now$/.test(sql)) return inner.run(sql, params);
      const { travelMs = 0 } = clock;
      if (travelMs > 0) mock.timers.tick(travelMs);
      const now = Date.now() + clock.ahead;
      if (travelMs > 0) mock.timers.tick(travelMs);
      return { rows: [{ now }], changes: 0 };
    },
    transaction: (statements) => inner.transaction(statements),
    close: () => inner.close(),
  };
}

describe('this node', () => {
  let inner: Store;
  let log: string[];
  let silent: number;
  const make = (store: Store): ThisNode =>
    new ThisNode({
      store,
      membership: {
        address: 'https://a:8200',
        get lastHeardMs() {
          return silent;
        },
      },
      openSince: () => 1,
      logger: createLogger('', 'info', ({ level, message }) => void log.push(`${level} ${message}`)),
    });

  beforeEach(async () => {
    inner = await openEmbeddedStore({ path: ':memory:' });
    [log, silent] = [[], 0];
    mock.timers.enable({ apis: ['Date'], now: 1_800_000_000_000 });
  });
  afterEach(async () => {
    mock.timers.reset();
    await inner.close();
  });

  for (const [what, ahead, said] of [
    [
      'an hour behind',
      60 * MINUTE,
      /^the clock of this machine is 3600 s behind that of .* synchronize both with NTP$/,
    ],
    [
      'an hour ahead',
      -60 * MINUTE,
      /^the clock of this machine is 3600 s ahead of that of .* synchronize both with NTP$/,
    ],
    ['31 s behind', 31_000, / 31 s behind /],
    ['31 s ahead', -31_000, / 31 s ahead /],
  ] as const) {
    it(`serves nobody while its clock is ${what}, says so once, and goes on when it is right`, async () => {
      const clock: { ahead: number } = { ahead };
      const node = make(shifted(inner, clock));
      await node.checkClock();
      await node.checkClock();
      assert.match(node.problem ?? '', said);
      assert.equal(node.refusal?.code, 'unavailable');
      assert.equal(node.refusal.message, node.problem);
      clock.ahead = 0;
      await node.checkClock();
      assert.deepEqual([node.problem, node.refusal], [undefined, undefined]);
      assert.equal(log.length, 2);
      assert.match(log[0] ?? '', /^error the clock/);
      assert.equal(log[1], 'info the clock is right again');
    });
  }

  for (const ahead of [-CLOCK_MS, -29_000, 0, 29_000, CLOCK_MS]) {
    it(`is content with a clock that differs by ${ahead} ms`, async () => {
      const node = make(shifted(inner, { ahead }));
      await node.checkClock();
      assert.deepEqual([node.problem, log], [undefined, []]);
    });
  }

  it('blames no clock for the time that an answer takes', async () => {
    for (const ahead of [-MINUTE, 0, MINUTE]) {
      const node = make(shifted(inner, { ahead, travelMs: MINUTE }));
      await node.checkClock();
      assert.equal(node.problem, undefined);
    }
    const node = make(shifted(inner, { ahead: 3 * MINUTE, travelMs: MINUTE }));
    await node.checkClock();
    assert.match(node.problem ?? '', / 120 s behind /);
  });

  it('compares no clock where the store is its own', async () => {
    const node = make(shifted(inner, { ahead: 60 * MINUTE }, true));
    await node.checkClock();
    assert.equal(node.problem, undefined);
  });

  it('says how long the store has not answered, where it is a database', () => {
    const node = make(shifted(inner, { ahead: 0 }));
    silent = DEAD_MS;
    assert.equal(node.problem, undefined);
    silent = 12_300;
    assert.equal(node.problem, 'the database of the store has not answered for 12 s');
    assert.equal(node.refusal, undefined, 'its requests find out by themselves');
    silent = Number.POSITIVE_INFINITY;
    assert.equal(node.problem, 'the database of the store has not answered yet');
    assert.equal(make(inner).problem, undefined);
  });

  it('says that it is about to end', () => {
    const node = make(inner);
    node.retire();
    assert.equal(node.problem, 'the server is shutting down');
    assert.equal(node.refusal, undefined);
  });

  it('is never dead where nobody else can be', async () => {
    await inner.run(
      `INSERT INTO nodes (id, address, version, state, started, heartbeat, epoch)
       VALUES ('b', 'https://b:8200', '', 'active', 0, 0, 0), ('a', 'https://a:8200', '', 'active', 1, 0, 0)`,
    );
    const seen = async (store: Store) => (await make(store).list()).map(({ id, isDead }) => [id, isDead]);
    assert.deepEqual(await seen(inner), [
      ['a', false],
      ['b', false],
    ]);
    assert.deepEqual(await seen(shifted(inner, { ahead: 0 })), [
      ['a', true],
      ['b', true],
    ]);
  });
});

describe('a server whose clock is wrong', () => {
  it('does not start, and does not open its seal', async () => {
    const inner = await openEmbeddedStore({ path: ':memory:' });
    const clock = { ahead: 60 * MINUTE };
    const refused = { code: 'unavailable', message: /3600 s behind/ };
    await assert.rejects(makeSealable({ store: shifted(inner, clock) }).start(), refused);
    clock.ahead = 0;
    const core = makeSealable({ store: shifted(inner, clock) });
    await core.start();
    const { unsealShares } = await core.init({ unseal: { shares: 1, threshold: 1 } });
    const [share = new Uint8Array()] = unsealShares;
    clock.ahead = -60 * MINUTE;
    await assert.rejects(core.unseal(Uint8Array.from(share)), { code: 'unavailable', message: /3600 s ahead/ });
    assert.equal(core.state, 'closed');
    clock.ahead = 0;
    await core.unseal(Uint8Array.from(share));
    assert.equal(core.state, 'open');
    await core.stop();
    await inner.close();
  });
});
