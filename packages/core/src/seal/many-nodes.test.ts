/** The keys of several nodes that serve one store. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CofferError, Deadline, whileAwaited, withDeadline } from '@coffer/base';
import { eventually } from '@coffer/testkit';
import { DEAD_MS } from '../nodes/nodes.ts';
import { KEY_ROTATION_DEFAULT } from './key-rotation.ts';
import { ManyNodes, settings } from './many-nodes-fixture.ts';
import { createSealRows } from './seal-rows.ts';

describe('the keys of several nodes', () => {
  const many = new ManyNodes();

  it('open under one key what was sealed under another’s, before and after, also where one joins later', async () => {
    const [a, b] = await many.three();
    await a.setKeyRotation(settings(2_000_000));
    for (const rotating of [a, b, a]) {
      await rotating.rotate();
      await rotating.setKeyRotation(settings(3_000_000));
      await many.serve(b);
      assert.deepEqual(await b.keyRotation(), settings(3_000_000));
      await many.agree(a, b);
    }
    await many.agree(a, b, await many.opened());
    assert.equal(b.keyStatus().term, 4);
  });

  it('say so when they meet a value under a key that they have not heard of, and have it then', async () => {
    const [a, b] = await many.three();
    await a.rotate();
    await a.setKeyRotation(settings(2_000_000));
    await assert.rejects(b.keyRotation(), {
      code: 'unavailable',
      message: 'the encryption key was rotated by another node; repeat the request',
    });
    await eventually(async () => b.keyStatus().term === 2, 'it reads the keys again');
    assert.deepEqual(await b.keyRotation(), settings(2_000_000));
    // A term that nobody has installed.
    const { rows } = await many.store.run("SELECT value FROM entries WHERE mount = 'core/keys'");
    const altered = Buffer.from(rows[0]?.['value'] as Uint8Array);
    altered.writeUInt32BE(9, 1);
    await many.store.run("UPDATE entries SET value = $1 WHERE mount = 'core/keys'", [altered]);
    await assert.rejects(b.keyRotation(), { code: 'unavailable' });
    await eventually(
      () => b.keyRotation().catch((error: unknown) => CofferError.from(error).code === 'failed') as Promise<boolean>,
      'it is taken for altered',
    );
    await assert.rejects(b.keyRotation(), /failed to decrypt row \S*core\/keys\/rotation:/);
  });

  it('use a new key when each of them has it, and none that is dead is waited for', async () => {
    const [a, b] = await many.three();
    await many.heard('another', 0);
    await many.heard('dead', 0, DEAD_MS);
    const rotation = a.rotate();
    const installed = async () => (await createSealRows(many.store).readPresent()).version;
    const before = await installed();
    await eventually(async () => (await installed()) > before, 'the key is installed');
    await many.agree(a, b);
    assert.equal(a.keyStatus().term, 1, 'and not used');
    await many.heard('another', 1_000_000);
    await rotation;
    assert.equal(a.keyStatus().term, 2);
    await many.agree(a, b);
  });

  it('go on with a rotation that was left in the middle', async () => {
    const [a, b, c] = await many.three();
    await many.heard('another', 0);
    const gone = new AbortController();
    const deadline = new Deadline(60_000, { gone: gone.signal });
    const left = withDeadline(deadline, () => whileAwaited(a.rotate()));
    const { version } = await createSealRows(many.store).readPresent();
    await eventually(async () => (await createSealRows(many.store).readPresent()).version > version, 'it is installed');
    gone.abort();
    await assert.rejects(left, /the client disconnected/);
    await many.agree(a, b, c);
    await many.store.run('DELETE FROM nodes');
    await b.rotate();
    assert.equal(b.keyStatus().term, 2);
    await many.agree(a, b, c);
    await c.rotate();
    assert.equal(c.keyStatus().term, 3);
    await many.agree(a, b, c);
  });

  it('rotate a key that is due once, and count together how often it was used', async () => {
    const [a, b, c] = await many.three();
    const counted = async (): Promise<number> => {
      const joined = await many.opened();
      const { encryptions } = joined.keyStatus();
      await joined.stop();
      return encryptions;
    };
    const before = await counted();
    for (const node of [a, b]) for (let n = 0; n < 10; n++) await node.setKeyRotation(settings(1_000_000 + n));
    const own = [a, b].map((node) => node.keyStatus().encryptions - before);
    assert.ok(own.every((number) => number >= 10));
    await a.stop();
    await b.stop();
    assert.equal(
      await counted(),
      own.reduce((sum, number) => sum + number, before),
    );

    const d = await many.opened();
    await c.setKeyRotation({ ...KEY_ROTATION_DEFAULT, interval: 24 * 3600 });
    const { Date: real } = globalThis;
    const now = real.now() + 25 * 3_600_000;
    const clock = class extends real {
      static override now = () => now;
    };
    globalThis.Date = clock as DateConstructor;
    try {
      await Promise.all([c.tendKeys(), d.tendKeys()]);
    } finally {
      globalThis.Date = real;
    }
    await many.agree(c, d);
    assert.equal(c.keyStatus().term, 2);
  });

  it('follow a new root key, and open with the new shares only', async () => {
    const [a, b] = await many.three();
    const { nonce } = await a.rekey.start({ shares: 2, threshold: 2 });
    await a.rekey.update(many.share(0), nonce);
    const old = many.shares;
    many.shares = (await a.rekey.update(many.share(1), nonce)) ?? [];
    assert.equal(many.shares.length, 2);
    await b.rotate();
    assert.equal((await b.status()).threshold, 2);
    await many.agree(a, b, await many.opened());
    const late = await many.made();
    await late.unseal(Uint8Array.from(old[0] ?? []));
    await assert.rejects(late.unseal(Uint8Array.from(old[1] ?? [])), /invalid key/);
    // In a row, without a request in between.
    for (const node of [b, a, b]) {
      const begun = await node.rekey.start({ shares: 2, threshold: 2 });
      await node.rekey.update(many.share(0), begun.nonce);
      many.shares = (await node.rekey.update(many.share(1), begun.nonce)) ?? [];
    }
    await many.agree(a, b, await many.opened());
  });

  it('follow a new root key in a store of an older version too', async () => {
    const [a, b, c] = await many.three({ shares: 1, threshold: 1 });
    for (const node of [a, b, c]) await node.stop();
    await many.store.run("DELETE FROM keyring WHERE name = 'root-key-for-nodes'");
    const d = await many.opened();
    const e = await many.opened();
    const { nonce } = await d.rekey.start({ shares: 1, threshold: 1 });
    many.shares = (await d.rekey.update(many.share(0), nonce)) ?? [];
    await many.agree(d, e);
  });

  it('seal a node that slept while the keys were replaced altogether', async () => {
    const [a, b] = await many.three({ shares: 1, threshold: 1 });
    await a.rotate();
    const { nonce } = await a.rekey.start({ shares: 1, threshold: 1 });
    many.shares = (await a.rekey.update(many.share(0), nonce)) ?? [];
    await assert.rejects(many.serve(b), {
      code: 'sealed',
      message: /another node has replaced its keys, unseal it again/,
    });
    assert.equal((await b.status()).sealed, true);
    await b.unseal(many.share(0));
    await many.agree(a, b);
  });
});
