/** What operators do to several nodes that serve one store, through any of them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '@coffer/testkit';
import type { SealableCore } from '../sealable-core.ts';
import { ManyNodes } from './many-nodes-fixture.ts';
import type { RekeyControl } from './seal-control.ts';
import { request } from './sealable-fixture.ts';
import { createStaticSeal } from './static-seal.ts';

const staticSeal = () => createStaticSeal({ current: { id: 'a', key: new Uint8Array(32).fill(1) } });

describe('the holders of shares of several nodes', () => {
  const many = new ManyNodes();

  it('get the shares of one attempt, whichever of them is asked', async () => {
    const [a, b, c] = await many.three();
    const { nonce } = await a.rekey.start({ shares: 5, threshold: 3 });
    await assert.rejects(b.rekey.start({ shares: 1, threshold: 1 }), /rekey already in progress/);
    assert.deepEqual(await c.rekey.status(), {
      ...{ started: true, nonce, shares: 5, threshold: 3, progress: 0, required: 2 },
    });
    assert.equal(await b.rekey.update(many.share(2), nonce), undefined);
    await assert.rejects(c.rekey.update(many.share(2), nonce), /given key has already been provided/);
    await assert.rejects(c.rekey.update(many.share(1), 'other'), {
      message: `incorrect nonce supplied; nonce for this rekey operation is "${nonce}"`,
    });
    assert.equal((await a.rekey.status()).progress, 1);
    await many.heard('another', 1_000_000);
    await b.handle(request('sys/seal', many.root));
    assert.equal((await a.rekey.status()).progress, 1, 'a node that is sealed ends nothing');
    // Whoever makes a root token meanwhile goes on with the new shares.
    const root2 = await a.generateRoot.start('o'.repeat(28));
    await a.generateRoot.update(many.share(0), root2.nonce);
    const fresh = await c.rekey.update(many.share(0), nonce);
    assert.equal(fresh?.length, 5);
    assert.equal((await a.rekey.status()).started, false);
    await assert.rejects(a.rekey.update(many.share(0), nonce), /no barrier rekey in progress/);
    many.shares = fresh ?? [];
    await b.unseal(many.share(0));
    await b.unseal(many.share(2));
    await b.unseal(many.share(4));
    assert.deepEqual(await c.generateRoot.status(), { ...root2, required: 3 });
    for (const [index, node] of [a, b, c].entries()) {
      const { complete } = await node.generateRoot.update(many.share(index), root2.nonce);
      assert.equal(complete, index === 2);
    }
    await many.agree(a, b, c);
    await a.generateRoot.start('o'.repeat(28));
    await c.generateRoot.cancel();
    assert.equal((await b.generateRoot.status()).started, false);
  });

  it('get recovery shares the same way', async () => {
    const a = await many.made(staticSeal());
    many.shares = (await a.init({ recovery: { shares: 3, threshold: 2 } })).recoveryShares;
    const b = await many.made(staticSeal());
    const c = await many.made(staticSeal());
    const by = async (control: (node: SealableCore) => RekeyControl) => {
      const { nonce } = await control(a).start({ shares: 3, threshold: 2 });
      await control(b).update(many.share(0), nonce);
      return control(c).update(many.share(1), nonce);
    };
    many.shares = (await by((node) => node.rekeyRecovery)) ?? [];
    assert.equal(many.shares.length, 3);
    assert.deepEqual(await by((node) => node.rekey), []);
    await a.rotate();
    const { nonce } = await a.generateRoot.start('o'.repeat(28));
    await b.generateRoot.update(many.share(2), nonce);
    assert.equal((await c.generateRoot.update(many.share(1), nonce)).complete, true);
    const settled = await many.made(staticSeal());
    assert.equal(settled.keyStatus().term, 2);
  });

  it('show new shares once when several get the last share at the same time', async () => {
    const all = await many.three();
    for (let round = 0; round < 5; round++) {
      const [a] = all;
      const { nonce } = await a.rekey.start({ shares: 3, threshold: 2 });
      await a.rekey.update(many.share(0), nonce);
      const outcomes = await Promise.allSettled(
        all.map((node, index) => node.rekey.update(many.share(1 + (index % 2)), nonce)),
      );
      const shown = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
      assert.equal(shown.length, 1);
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') assert.match(String(outcome.reason), /no barrier rekey in progress/);
      }
      many.shares = shown[0] ?? [];
      assert.equal(many.shares.length, 3);
    }
    await many.agree(...all, await many.opened());
    const { nonce } = await all[0].generateRoot.start('o'.repeat(28));
    await all[1].generateRoot.update(many.share(0), nonce);
    const tokens = await Promise.allSettled(all.map((node) => node.generateRoot.update(many.share(1), nonce)));
    assert.equal(tokens.filter((outcome) => outcome.status === 'fulfilled').length, 1);
  });

  it('are all sealed at once when that is asked of one, and can be opened again', async () => {
    const [a, b, c] = await many.three();
    await a.rekey.start({ shares: 1, threshold: 1 });
    await a.sealAll();
    await eventually(async () => (await a.status()).sealed, 'the one that was asked');
    for (const node of [b, c]) {
      await assert.rejects(many.serve(node), { code: 'sealed' });
      assert.equal((await node.status()).sealed, true);
    }
    for (const node of [b, a, c]) for (const index of [0, 1]) await node.unseal(many.share(index));
    await many.agree(a, b, c);
    assert.equal((await b.rekey.status()).started, false);
    // Not even one that cannot tell what it has missed.
    await c.sealAll();
    await many.store.run('DELETE FROM changes');
    await assert.rejects(many.serve(b), { code: 'sealed' });
  });

  it('leave nothing of an attempt behind when the last one closes', async () => {
    const [a, b, c] = await many.three();
    await a.rekey.start({ shares: 1, threshold: 1 });
    await many.heard('another', 0);
    for (const node of [a, b, c]) await node.stop();
    const d = await many.opened();
    assert.equal((await d.rekey.status()).started, true, 'another node is open');
    await many.store.run('DELETE FROM nodes');
    await d.stop();
    const { rows } = await many.store.run("SELECT name FROM entries WHERE mount = 'core/operator'");
    assert.deepEqual(rows, []);
  });
});
