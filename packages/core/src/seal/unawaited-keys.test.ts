/** Keys are shown once: what nobody waits for any more is not begun, or taken back. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Deadline, whileAwaited, withDeadline } from '@coffer/base';
import { openEmbeddedStore, type SqlStatement, type Store } from '@coffer/store';
import type { SealableCore } from '../sealable-core.ts';
import { makeSealable, request } from './sealable-fixture.ts';

describe('keys that nobody waits for', () => {
  let inner: Store;
  let core: SealableCore;
  /** Called before a transaction with these statements. */
  let onStatements: (sql: string) => Promise<void>;
  let client: AbortController;

  beforeEach(async () => {
    inner = await openEmbeddedStore({ path: ':memory:' });
    onStatements = async () => undefined;
    client = new AbortController();
    const transaction = async (statements: readonly SqlStatement[]) => {
      await onStatements(statements.map(({ sql }) => sql).join('; '));
      return inner.transaction(statements);
    };
    const store: Store = {
      exclusive: true,
      transaction,
      run: async (sql, params = []) => (await transaction([{ sql, params }]))[0] ?? { rows: [], changes: 0 },
      close: () => inner.close(),
    };
    core = makeSealable({ store });
    await core.start();
  });
  afterEach(async () => {
    await core.stop();
    await inner.close();
  });

  const shares = { unseal: { shares: 1, threshold: 1 } };
  const countOf = async (table: string): Promise<unknown> =>
    (await inner.run(`SELECT count(*) AS n FROM ${table}`)).rows[0]?.['n'];
  /** As a request does it, whose client goes away before a statement like `moment`. */
  const giveUpAt = async (moment: RegExp, work: () => Promise<unknown>): Promise<void> => {
    let ended: Promise<unknown> = Promise.resolve();
    onStatements = async (sql) => {
      if (moment.test(sql)) client.abort();
    };
    const deadline = new Deadline(60_000, { gone: client.signal });
    const answer = withDeadline(deadline, () => {
      const working = work();
      ended = working.catch(() => undefined);
      return whileAwaited(working);
    });
    await assert.rejects(answer, /the client disconnected/);
    await ended;
    onStatements = async () => undefined;
    assert.ok(client.signal.aborted);
  };

  for (const moment of [/INSERT INTO keyring/, /INSERT INTO tokens/, /INSERT INTO entries/]) {
    it(`leave no store initialized that nobody can unseal (${moment.source})`, async () => {
      await giveUpAt(moment, () => core.init(shares));
      assert.equal((await core.status()).initialized, false);
      for (const table of ['keyring', 'tokens', 'entries']) assert.equal(await countOf(table), 0, table);
      const made = await core.init(shares);
      await core.unseal(Uint8Array.from(made.unsealShares[0] ?? []));
      assert.equal(core.state, 'open');
    });
  }

  it('do not replace those that somebody has', async () => {
    const made = await core.init(shares);
    const share = (): Uint8Array => Uint8Array.from(made.unsealShares[0] ?? []);
    await core.unseal(share());
    await core.rekey.start({ shares: 1, threshold: 1 });
    const { nonce } = await core.rekey.status();
    await giveUpAt(/SELECT .* FROM keyring/, () => core.rekey.update(share(), nonce));
    core.seal();
    await core.unseal(share());
    assert.equal(core.state, 'open');
  });

  it('make no root token', async () => {
    const made = await core.init(shares);
    const share = Uint8Array.from(made.unsealShares[0] ?? []);
    await core.unseal(Uint8Array.from(share));
    await core.generateRoot.start('x'.repeat(28));
    const { nonce } = await core.generateRoot.status();
    await giveUpAt(/INSERT INTO tokens/, () => core.generateRoot.update(share, nonce));
    assert.equal(await countOf('tokens'), 1);
  });

  it('open a seal all the same, and whoever comes next is served', async () => {
    const made = await core.init(shares);
    await giveUpAt(/FROM mounts/, () => core.unseal(Uint8Array.from(made.unsealShares[0] ?? [])));
    assert.equal(core.state, 'open');
    assert.deepEqual((await core.handle(request('sys/slow', made.rootToken.reveal())))?.data, { done: true });
    await core.tendKeys();
  });
});
