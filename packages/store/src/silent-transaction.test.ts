/** A node that stands still in the midst of a transaction has rows locked that the others need. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { eventually, type WireProxy } from '@coffer/testkit';
import { namesIn, PUT, StoreNodes, VALUE, within } from './store-fixture.ts';

const nodes = new StoreNodes();
const RENAME = 'UPDATE entries SET name = $2 WHERE name = $1';
/** That a transaction may be silent, and some more. */
const PATIENCE_MS = 9_000;

describe('a transaction whose node stands still', () => {
  const open = async (test: TestContext) => {
    const [proxy] = await nodes.proxies(test, 1);
    assert.ok(proxy !== undefined);
    const database = await nodes.makeDatabase();
    const [{ store: silent }, { store: other }] = [
      await nodes.open(test, [proxy], { database }),
      await nodes.open(test, [nodes.server], { database }),
    ];
    await other.run(PUT, ['m', 'a', VALUE]);
    return { proxy, silent, other };
  };
  const rename = (from: string, to: string) => [{ sql: RENAME, params: [from, to] }, { sql: 'SELECT 1' }];
  /** Before it has sent its COMMIT, as far as the server knows. */
  const standStill = (proxy: WireProxy) => {
    const { promise: until, resolve } = Promise.withResolvers<undefined>();
    return {
      fault: proxy.addFault({ match: /^COMMIT/, action: { type: 'hold', until } }),
      awake: () => resolve(undefined),
    };
  };

  it('is given up by the database, so that the others go on', async (test) => {
    const { proxy, silent, other } = await open(test);
    const { fault, awake } = standStill(proxy);
    const renamed = silent.transaction(rename('a', 'b'));
    await eventually(() => fault.fired > 0, 'the COMMIT');
    await within(PATIENCE_MS, other.transaction(rename('a', 'c')));
    awake();
    // It had changed nothing, and is done again as a whole.
    const [first] = await renamed;
    assert.equal(first?.changes, 0);
    assert.deepEqual(await namesIn(other), ['c']);
  });

  it('is done again when nobody was in the way', async (test) => {
    const { proxy, silent, other } = await open(test);
    const { fault, awake } = standStill(proxy);
    const renamed = silent.transaction(rename('a', 'b'));
    await eventually(() => fault.fired > 0, 'the COMMIT');
    const [first] = await within(PATIENCE_MS, renamed);
    awake();
    assert.equal(first?.changes, 1);
    assert.deepEqual(await namesIn(other), ['b']);
  });
});
