import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { CofferError, requireClaim } from '@coffer/base';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { Barrier } from '../barrier/barrier.ts';
import { createEntryStorage, entriesOf } from '../barrier/entry-storage.ts';
import { createKeyring } from '../barrier/keyring.ts';
import { type ClaimedIntent, type Intents, type NewIntent, stored } from '@coffer/framework';
import { MountIntents } from './intents.ts';

const ROW: NewIntent = { subject: 'static/app', login: 'user:yb/app', state: 'open', value: { pending: 's3cret' } };
const OTHER = 'anotherProc1 abc';
const LOST = { code: 'unavailable', message: /was taken over by another worker/ };

describe('intents', () => {
  let store: Store;
  let barrier: Barrier;
  let intents: Intents;
  /** Of a node that may be taken for dead. */
  let held: Intents;
  let life: number;

  beforeEach(async () => {
    store = await openEmbeddedStore({ path: ':memory:' });
    barrier = new Barrier(createKeyring());
    intents = new MountIntents(store, barrier, 'mount-1');
    life = 0;
    const node = {
      get life() {
        return life;
      },
    };
    held = new MountIntents(store, barrier, 'mount-1', node);
  });
  afterEach(() => store.close());

  const free = (intent: NewIntent = ROW) => intents.create(intent, async () => undefined);

  it('are one for each login and one for each subject', async () => {
    assert.ok(await free());
    assert.equal(await free({ ...ROW, subject: 'static/other' }), undefined);
    assert.equal(await free({ ...ROW, login: 'user:yb/other' }), undefined);
    assert.equal((await intents.ofLogin('user:yb/app'))?.subject, 'static/app');
    const elsewhere = new MountIntents(store, barrier, 'mount-2');
    assert.ok(await elsewhere.create(ROW, async () => undefined), 'another mount');
    await elsewhere.clear();
    assert.equal(await elsewhere.get('static/app'), undefined);
    assert.ok(await intents.get('static/app'));
  });

  it('are worked on by one at a time, and given back when the work fails', async () => {
    await free();
    const inside = await intents.claim('static/app', async () => intents.claim('static/app', async () => 'second'));
    assert.equal(inside?.result, undefined, 'nobody else while it is claimed');
    await assert.rejects(
      intents.claim('static/app', () => Promise.reject(new CofferError('failed', 'no'))),
      /no/,
    );
    assert.deepEqual(await intents.claim('static/app', async () => 'third'), { result: 'third' });
    assert.equal(await intents.claim('static/nobody', async () => 'x'), undefined);
  });

  it('write what changes and nothing else', async () => {
    await free();
    await intents.claim('static/app', async (claimed) => {
      const changed = await claimed.save({ state: 'settled', value: { password: 'n3w' }, nextAttempt: null });
      assert.equal(changed.state, 'settled');
      // With the older picture of the row.
      await claimed.save({ attempts: 3, lastError: 'down' });
    });
    const { row, subject, login, ...rest } = (await intents.get('static/app')) ?? assert.fail();
    assert.deepEqual([subject, login], [ROW.subject, ROW.login]);
    assert.equal(row, 'intents/mount-1/static/app');
    assert.deepEqual(rest, {
      state: 'settled',
      nextAttempt: null,
      attempts: 3,
      lastError: 'down',
      value: { password: 'n3w' },
    });
  });

  it('hold no secret in the clear, and do not open in another row', async () => {
    await free();
    const { rows } = await store.run('SELECT * FROM intents');
    assert.equal(rows.length, 1);
    for (const value of Object.values(rows[0] ?? {})) {
      const text = value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value);
      assert.ok(!text.includes('s3cret'), text);
    }
    await store.run("UPDATE intents SET subject = 'static/moved'");
    await assert.rejects(intents.get('static/moved'), /failed to decrypt row intents\/mount-1\/static\/moved:/);
  });

  it('refuse the changes of a worker that lost its claim', async () => {
    let late: ClaimedIntent | undefined;
    await intents.create(ROW, async (claimed) => {
      late = claimed;
      await store.run('UPDATE intents SET claimed_until = 0');
      await intents.claim('static/app', async (other) => {
        await assert.rejects(claimed.save({ state: 'settled' }), { code: 'unavailable', message: /taken over/ });
        await assert.rejects(claimed.remove(), { code: 'unavailable' });
        await other.save({ attempts: 1 });
      });
    });
    await assert.rejects(late?.save({ attempts: 9 }) ?? assert.fail(), { code: 'unavailable' });
    assert.equal((await intents.get('static/app'))?.attempts, 1);
  });

  it('are claimed by the clock of the store, not of the node', async (test) => {
    await intents.create(ROW, async () => {
      test.mock.timers.enable({ apis: ['Date'], now: Date.now() + 3_600_000 });
      assert.equal(await intents.claim('static/app', async () => 'taken over'), undefined);
      assert.deepEqual(await intents.due(Date.now(), 10), []);
      assert.equal(await intents.nextDue(), undefined);
      test.mock.timers.reset();
    });
    assert.deepEqual(await intents.claim('static/app', async () => 'free'), { result: 'free' });
  });

  it('are due in the order of their time, unless somebody is at them', async () => {
    const make = (name: string, nextAttempt: number | null) =>
      intents.create({ ...ROW, subject: name, login: name }, async (claimed) => {
        await claimed.save({ nextAttempt });
      });
    await make('b', 2_000);
    await make('a', 1_000);
    await make('never', null);
    await make('later', Date.now() + 60_000);
    assert.deepEqual(await intents.due(Date.now(), 10), ['a', 'b']);
    assert.deepEqual(await intents.due(Date.now(), 1), ['a']);
    assert.equal(await intents.nextDue(), 1_000);
    await intents.claim('a', async () => {
      assert.deepEqual(await intents.due(Date.now(), 10), ['b']);
      assert.equal(await intents.nextDue(), 2_000);
    });
  });

  it('stand for what is written under their claim', async () => {
    const entries = createEntryStorage(entriesOf(store, barrier), 'mount-1').kept(
      'roles/',
      stored.entry<{ name: string }>({ name: stored.string() }),
    );
    await held.create(ROW, async (claimed) => {
      assert.equal(await entries.replaceWhile('app', { name: 'first' }, [claimed.held]), true);
      assert.equal(await entries.replaceWhile('app', { name: 'second' }, [claimed.held]), true);
      await store.run('UPDATE intents SET claim = $1', [OTHER]);
      assert.equal(await entries.replaceWhile('app', { name: 'third' }, [claimed.held]), false);
      await entries.deleteWhile('app', [claimed.held]);
      assert.deepEqual(await entries.getNow('app'), { name: 'second' });
      await store.run('UPDATE intents SET claim = $1', [String(claimed.held.row['claim'])]);
      await entries.deleteWhile('app', [claimed.held]);
      assert.equal(await entries.getNow('app'), undefined);
      await store.run('UPDATE intents SET claim = $1', [OTHER]);
      await assert.rejects(claimed.save({ attempts: 1 }), LOST);
      await assert.rejects(claimed.remove(), LOST);
    });
  });

  it('begin no effect once the claim was lost, and do not keep that of another alive', async (test) => {
    test.mock.timers.enable({ apis: ['setInterval'] });
    await held.create(ROW, async () => {
      await requireClaim();
      await store.run('UPDATE intents SET claim = $1, claimed_until = 1', [OTHER]);
      await requireClaim();
      life = 1;
      await assert.rejects(requireClaim(), LOST);
      test.mock.timers.tick(5_000);
    });
    const { rows } = await store.run('SELECT claim, claimed_until FROM intents');
    assert.deepEqual(rows, [{ claim: OTHER, claimed_until: 1 }]);
  });

  it('go on with what was released, but nobody took', async () => {
    await held.create(ROW, async (claimed) => {
      await store.run('UPDATE intents SET claimed_until = 0');
      life = 1;
      await requireClaim();
      assert.deepEqual(await held.due(Date.now(), 10), [], 'claimed again');
      await store.run('UPDATE intents SET claimed_until = 0');
      await claimed.save({ nextAttempt: 0 });
      assert.deepEqual(await held.due(Date.now(), 10), []);
    });
  });
});
