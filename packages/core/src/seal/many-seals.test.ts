/** Several nodes, one of which moves their store to another seal. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '@coffer/testkit';
import { DEAD_MS } from '../nodes/nodes.ts';
import { ManyNodes } from './many-nodes-fixture.ts';
import { createStaticSeal } from './static-seal.ts';

const staticSeal = () => createStaticSeal({ current: { id: 'a', key: new Uint8Array(32).fill(1) } });

describe('nodes of which one moves the store to another seal', () => {
  const many = new ManyNodes();

  it('are named while they are open, and nothing is moved then', async () => {
    const first = await many.made();
    many.shares = (await first.init({ unseal: { shares: 3, threshold: 2 } })).unsealShares;
    const node = await many.made(staticSeal());
    await many.heard('another', 0);
    const refusal = {
      code: 'invalid-request',
      message: /^other nodes are open \(http:\/\/another:8200\): stop them before/,
    };
    await assert.rejects(node.unsealAndMigrate(many.share(0)), refusal);
    assert.partialDeepStrictEqual(await node.status(), { sealed: true, migration: true, progress: 0, type: 'shamir' });
    await many.heard('another', 0, DEAD_MS);
    await node.unsealAndMigrate(many.share(0));
    await many.heard('another', 0);
    await assert.rejects(node.unsealAndMigrate(many.share(1)), refusal);
    assert.equal((await first.status()).type, 'shamir');
    await many.heard('another', 0, DEAD_MS);
    await node.unsealAndMigrate(many.share(0));
    await node.unsealAndMigrate(many.share(1));
    assert.partialDeepStrictEqual(await node.status(), { sealed: false, type: 'static' });
  });

  it('are sealed when they were not heard, and wake up with the former seal', async () => {
    // Nodes of one process are not others to each other: as if it had slept.
    const [asleep] = await many.three();
    const node = await many.made(staticSeal());
    const waiting = await many.made(staticSeal());
    assert.equal((await waiting.status()).migration, true);
    for (const index of [0, 1]) await node.unsealAndMigrate(many.share(index));
    assert.equal((await node.status()).sealed, false);
    await assert.rejects(many.serve(asleep), { code: 'sealed' });
    assert.equal((await asleep.status()).sealed, true);
    await assert.rejects(asleep.unseal(many.share(0)), /the seal "static" unseals when the server starts/);
    assert.equal((await waiting.status()).migration, false);
    await eventually(async () => !(await waiting.status()).sealed, 'the one that waits for it opens by itself');
    await many.agree(node, waiting);
  });
});
