/** What the tests of several nodes share: cores on one store, as processes on one database are. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach } from 'node:test';
import { openEmbeddedStore, type Store } from '@coffer/store';
import type { SealableCore } from '../sealable-core.ts';
import { KEY_ROTATION_DEFAULT, type KeyRotationConfig } from './key-rotation.ts';
import type { AutoSeal } from './auto-seal.ts';
import { makeSealable, request } from './sealable-fixture.ts';

export const settings = (maxOperations: number): KeyRotationConfig => ({ ...KEY_ROTATION_DEFAULT, maxOperations });

/** Nodes on one store. To be made in a `describe`. */
export class ManyNodes {
  shares: readonly Uint8Array[] = [];
  root = '';
  readonly #nodes = new Set<SealableCore>();
  #store: Store | undefined;

  constructor() {
    beforeEach(async () => {
      const embedded = await openEmbeddedStore({ path: ':memory:' });
      // As a database is, which others use as well.
      this.#store = {
        exclusive: false,
        run: (sql, params) => embedded.run(sql, params),
        transaction: (statements) => embedded.transaction(statements),
        close: () => embedded.close(),
      };
    });
    afterEach(async () => {
      for (const node of this.#nodes) await node.stop();
      this.#nodes.clear();
      await this.store.close();
    });
  }

  get store(): Store {
    assert.ok(this.#store);
    return this.#store;
  }

  share(index: number): Uint8Array {
    return Uint8Array.from(this.shares[index] ?? []);
  }

  async made(autoSeal?: AutoSeal): Promise<SealableCore> {
    const node = makeSealable({ store: this.store, ...(autoSeal && { autoSeal }) });
    this.#nodes.add(node);
    await node.start();
    return node;
  }

  /** A node that was unsealed with as many shares as it takes. */
  async opened(): Promise<SealableCore> {
    const node = await this.made();
    for (let n = 0; (await node.status()).sealed; n++) await node.unseal(this.share(n));
    return node;
  }

  async three(counts = { shares: 3, threshold: 2 }): Promise<readonly [SealableCore, SealableCore, SealableCore]> {
    const first = await this.made();
    const { unsealShares, rootToken } = await first.init({ unseal: counts });
    this.shares = unsealShares;
    this.root = rootToken.reveal();
    for (let n = 0; n < counts.threshold; n++) await first.unseal(this.share(n));
    return [first, await this.opened(), await this.opened()];
  }

  /** A request, of which a node learns what others have changed. */
  serve(node: SealableCore): Promise<unknown> {
    return node.handle(request('sys/slow', this.root));
  }

  /** A node in another process, as its heartbeat describes it. */
  async heard(id: string, epoch: number, ageMs = 0): Promise<void> {
    await this.store.run(
      `INSERT INTO nodes (id, address, version, state, started, heartbeat, epoch)
       VALUES ($1, $2, '1', 'active', store_now() - $3, store_now() - $3, $4)
       ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, heartbeat = excluded.heartbeat`,
      [id, `http://${id}:8200`, ageMs, epoch],
    );
  }

  /** Checks that they read what each of them writes, whichever has rotated the key. */
  async agree(...all: readonly SealableCore[]): Promise<void> {
    for (const [index, writer] of all.entries()) {
      await this.serve(writer);
      await writer.setKeyRotation(settings(1_000_000 + index));
      for (const reader of all) {
        await this.serve(reader);
        assert.deepEqual(await reader.keyRotation(), settings(1_000_000 + index));
        assert.equal(reader.keyStatus().term, writer.keyStatus().term);
      }
    }
  }
}
