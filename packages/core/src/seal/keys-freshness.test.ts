/** The keys in memory are those of the store, and none is left behind a closed seal, wherever a change of them stands. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CofferError } from '@coffer/base';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { Steps, steppedStore } from '@coffer/testkit';
import { KEY_ROTATION_DEFAULT } from './key-rotation.ts';
import type { SealableCore } from '../sealable-core.ts';
import { makeSealable, request } from './sealable-fixture.ts';
import { createSealRows } from './seal-rows.ts';
import { SeenRecord } from './seen-record.ts';

const CONFIG = { ...KEY_ROTATION_DEFAULT, maxOperations: 1_000_000 };

describe('the keys of a seal', () => {
  let inner: Store;
  let core: SealableCore | undefined;
  let share: Uint8Array;
  let root: string;
  const steps = new Steps();

  before(async () => (inner = await openEmbeddedStore({ path: ':memory:' })));
  after(async () => {
    await core?.stop();
    await inner.close();
  });

  const opened = (): SealableCore => {
    assert.ok(core);
    return core;
  };
  const begin = async (): Promise<void> => {
    await core?.stop();
    for (const table of ['keyring', 'entries', 'tokens']) await inner.run(`DELETE FROM ${table}`);
    // What the expiration asks for, of leases and tokens, is none of this.
    core = makeSealable({ store: steppedStore(inner, steps, /keyring|entries/) });
    const { unsealShares, rootToken } = await core.init({ unseal: { shares: 1, threshold: 1 } });
    [share = new Uint8Array()] = unsealShares;
    root = rootToken.reveal();
    await unseal();
  };
  const unseal = () => opened().unseal(Uint8Array.from(share));
  /** Resolves when everything behind the seal has ended. */
  const seal = () => opened().handle(request('sys/seal', root));
  const unlessSealed = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      assert.equal(CofferError.from(error).code, 'sealed');
    }
  };

  /** Opens the store by itself, as the next start does. */
  const reopened = async <T>(look: (core: SealableCore) => Promise<T>): Promise<T> => {
    const next = makeSealable({ store: inner });
    await next.start();
    await next.unseal(Uint8Array.from(share));
    try {
      return await look(next);
    } finally {
      await next.stop();
    }
  };
  const isSealed = async (): Promise<void> => {
    assert.equal((await opened().status()).sealed, true);
    assert.throws(() => opened().keyStatus(), { code: 'sealed' });
    await assert.rejects(opened().handle(request('sys/slow', root)), { code: 'sealed' });
  };
  const isOpenAsStored = async (): Promise<void> => {
    const { term } = opened().keyStatus();
    const settings = await opened().keyRotation();
    await reopened(async (next) => {
      assert.equal(next.keyStatus().term, term);
      assert.deepEqual(await next.keyRotation(), settings, 'what was sealed under one key opens under the other');
    });
  };

  it('are rotated once, and what is sealed meanwhile opens', async () => {
    const points = await steps.interleave({
      prepare: begin,
      stopped: () => opened().rotate(),
      meanwhile: () => opened().setKeyRotation(CONFIG),
      whileStopped: async () => assert.deepEqual(await opened().keyRotation(), CONFIG),
      afterwards: async () => {
        assert.equal(opened().keyStatus().term, 2);
        assert.deepEqual(await opened().keyRotation(), CONFIG);
        await isOpenAsStored();
      },
    });
    // What another node may have changed, and the replacement.
    assert.equal(points.length, 4);
  });

  it('are rotated one after the other', async () => {
    await steps.interleave({
      prepare: begin,
      stopped: () => opened().rotate(),
      meanwhile: () => opened().rotate(),
      afterwards: async () => {
        assert.equal(opened().keyStatus().term, 3);
        await isOpenAsStored();
      },
    });
  });

  it('are wiped by a seal, wherever a rotation stands, and the rotated ones are there again when it opens', async () => {
    const points = await steps.interleave({
      prepare: begin,
      stopped: () => opened().rotate(),
      meanwhile: seal,
      afterwards: async () => {
        await isSealed();
        await unseal();
        assert.equal(opened().keyStatus().term, 2);
        await isOpenAsStored();
      },
    });
    assert.equal(points.length, 4);
  });

  it('are wiped by a seal, whoever rotates, writes or opens it meanwhile', async () => {
    const others: (() => Promise<unknown>)[] = [
      () => opened().rotate(),
      () => opened().setKeyRotation(CONFIG),
      () => opened().tendKeys(),
    ];
    for (const other of others) {
      const points = await steps.interleave({
        prepare: begin,
        stopped: seal,
        meanwhile: () => unlessSealed(other),
        afterwards: async () => {
          await isSealed();
          await unseal();
          await isOpenAsStored();
        },
      });
      assert.ok(points.length >= 2);
    }
    await steps.interleave({
      prepare: begin,
      stopped: seal,
      meanwhile: unseal,
      afterwards: async () => {
        await unseal();
        await isOpenAsStored();
      },
    });
  });

  it('are those that were handed out, wherever new shares are made when the seal closes', async () => {
    let made: readonly Uint8Array[] | undefined;
    const points = await steps.interleave({
      prepare: async () => {
        made = undefined;
        await begin();
        await opened().rekey.start({ shares: 1, threshold: 1 });
      },
      stopped: async () => {
        const { nonce } = await opened().rekey.status();
        made = await opened().rekey.update(Uint8Array.from(share), nonce);
      },
      meanwhile: () => unlessSealed(seal),
      afterwards: async () => {
        await seal().catch(() => undefined);
        [share = share] = made ?? [];
        await unseal();
        await isOpenAsStored();
      },
    });
    // Status: the record and the attempt. A share: the same, the end of the attempt (2), the record and its replacement, and
    // whether another attempt has shares.
    assert.equal(points.length, 18);
  });

  it('follow those of another node, wherever either stands', async () => {
    let other: SealableCore | undefined;
    const another = (): SealableCore => {
      assert.ok(other);
      return other;
    };
    const beginBoth = async (): Promise<void> => {
      await other?.stop();
      await begin();
      other = makeSealable({ store: inner });
      await other.start();
      await other.unseal(Uint8Array.from(share));
    };
    const serve = (node: SealableCore) => node.handle(request('sys/slow', root));
    const rekeyed = async (node: SealableCore): Promise<void> => {
      const { nonce } = await node.rekey.start({ shares: 1, threshold: 1 });
      [share = share] = (await node.rekey.update(Uint8Array.from(share), nonce)) ?? [];
    };
    const agree = async (): Promise<void> => {
      await serve(opened());
      await serve(another());
      assert.equal(another().keyStatus().term, opened().keyStatus().term);
      await opened().setKeyRotation(CONFIG);
      assert.deepEqual(await another().keyRotation(), CONFIG);
      await another().rotate();
      await serve(opened());
      assert.equal(another().keyStatus().term, opened().keyStatus().term);
      await isOpenAsStored();
    };
    try {
      for (const change of [(node: SealableCore) => node.rotate(), rekeyed]) {
        const following = await steps.interleave({
          prepare: async () => {
            await beginBoth();
            await change(another());
          },
          stopped: () => serve(opened()),
          meanwhile: () => change(another()),
          afterwards: agree,
        });
        assert.ok(following.length >= 2, 'it has read the keys again');
        const changing = await steps.interleave({
          prepare: beginBoth,
          stopped: () => opened().rotate(),
          meanwhile: () => change(another()),
          afterwards: agree,
        });
        assert.ok(changing.length >= 4);
      }
    } finally {
      await other?.stop();
    }
  });

  it('say of themselves what was seen last, whichever look was answered last', async () => {
    let seen: SeenRecord | undefined;
    let away = false;
    const look = async () => (await seen?.read())?.config.threshold;
    const points = await steps.interleave({
      prepare: async () => {
        away = false;
        await begin();
        const rows = createSealRows(steppedStore(inner, steps));
        const read = async () => (away ? Promise.reject(new CofferError('unavailable', 'away')) : rows.read());
        seen = new SeenRecord({ ...rows, read });
        await look();
      },
      stopped: look,
      meanwhile: async () => {
        const rows = createSealRows(steppedStore(inner, steps));
        const record = await rows.read();
        assert.ok(record);
        await rows.replace({ ...record, config: { ...record.config, threshold: 7 } });
        assert.equal(await look(), 7);
      },
      afterwards: async () => {
        away = true;
        assert.equal(await look(), 7);
      },
    });
    assert.equal(points.length, 2);
  });
});
