/** What is kept of a token is what the store would say, wherever a request or a change of it stands. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Arrival, CreatedToken, NewToken, TokenStore } from '@coffer/framework';
import { openEmbeddedStore, type SqlStatement, type Store } from '@coffer/store';
import { Steps, steppedStore } from '@coffer/testkit';
import { Barrier } from '../barrier/barrier.ts';
import { createKeyring } from '../barrier/keyring.ts';
import { Epochs } from '../epochs/epochs.ts';
import { hourToken } from './token-fixture.ts';
import { createTokenStore } from './tokens.ts';

const HOUR = 3_600_000;
const POLICY = { sql: "INSERT INTO policies (name, value) VALUES ('p', $1)", params: [Buffer.of(1)] };

let inner: Store;
let barrier: Barrier;
beforeEach(async () => {
  inner = await openEmbeddedStore({ path: ':memory:' });
  barrier = new Barrier(createKeyring());
});
afterEach(() => inner.close());

/** The same store, which notes how many calls it had, and holds the answer to one where it is told to. */
class Watched implements Store {
  readonly exclusive = true;
  calls = 0;
  /** Called with the answer before that is given. */
  onAnswer: (() => Promise<void>) | undefined;

  rewrites(table: string): number {
    return inner.rewrites?.(table) ?? assert.fail('the store does not count');
  }

  async run(...statement: Parameters<Store['run']>): ReturnType<Store['run']> {
    this.calls++;
    const answer = await inner.run(...statement);
    await this.onAnswer?.();
    return answer;
  }

  transaction(statements: readonly SqlStatement[]): ReturnType<Store['transaction']> {
    this.calls++;
    return inner.transaction(statements);
  }

  close(): Promise<void> {
    return inner.close();
  }
}

const tokensOn = (store: Store): TokenStore => createTokenStore(store, barrier, () => undefined);

describe('a token that was here before', () => {
  let store: Watched;
  let tokens: TokenStore;
  beforeEach(() => {
    store = new Watched();
    tokens = tokensOn(store);
  });

  const make = (given: Partial<NewToken> = {}): Promise<CreatedToken> => tokens.create(hourToken(given));
  const arrive = async ({ token }: CreatedToken): Promise<Arrival> => tokens.arrive(token.reveal());
  /** How often the store was asked for it. */
  const asked = async (made: CreatedToken): Promise<number> => {
    const before = store.calls;
    await arrive(made);
    return store.calls - before;
  };
  const assertAsStored = async (made: CreatedToken): Promise<Arrival> => {
    const arrived = await arrive(made);
    const { epoch, entry } = await tokensOn(without(store)).arrive(made.token.reveal());
    assert.deepEqual([arrived.epoch, arrived.entry], [epoch, entry]);
    return arrived;
  };

  it('is known at once, as it was, however many came since', async () => {
    const made = await make();
    const others = await Promise.all(Array.from({ length: 100 }, () => make()));
    assert.deepEqual([await asked(made), await asked(made)], [1, 0]);
    assert.ok(!(tokens.arrive(made.token.reveal()) instanceof Promise));
    for (const other of others) assert.equal(await asked(other), 1);
    assert.equal(await asked(made), 0);
    assert.deepEqual((await assertAsStored(made)).entry?.policies, ['default']);
  });

  it('is asked for when it is one of very many', async () => {
    const made = await make();
    await arrive(made);
    for (let count = 0; count < 1_024; count++) await arrive(await make());
    assert.equal(await asked(made), 1);
  });

  for (const [what, change, isValid] of [
    ['revoked', ({ entry }) => tokens.revoke(entry.id), false],
    ['revoked with its parent', ({ entry }) => tokens.revoke(entry.parent), false],
    ['ended with the others that were over', ({ entry }) => tokens.endExpired([entry.id]), false],
    ['revoked with all of its mount', () => tokens.revokeIssuedBelow('auth/token/'), false],
    ['renewed', ({ entry }) => tokens.extend(entry, Date.now() + 2 * HOUR), true],
    ['cut short', ({ entry }) => inner.run('UPDATE tokens SET expire_time = 1 WHERE id = $1', [entry.id]), false],
    ['left by its parent', ({ entry }) => tokens.revokeOrphaning(entry.parent), true],
    ['there as the configuration changes', () => new Epochs(inner).write(['policy/p'], [POLICY]), true],
  ] satisfies [string, (made: CreatedToken) => Promise<unknown>, boolean][]) {
    it(`and is ${what} is seen to be so by the next request`, async () => {
      const parent = await make();
      const made = await make({ parent: parent.entry.id });
      const before = await arrive(made);
      assert.equal(await asked(made), 0);
      await change(made);
      const after = await assertAsStored(made);
      assert.equal(after.entry !== undefined, isValid);
      assert.notDeepEqual(after, before);
    });
  }

  it('is over with its time, without the store', async () => {
    const expireTime = Date.now() + 1_000;
    const made = await make({ expireTime });
    assert.ok((await arrive(made)).entry);
    assert.equal(await asked(made), 0);
    while (Date.now() <= expireTime) await sleep(10);
    assert.equal((await assertAsStored(made)).entry, undefined);
    assert.equal(await asked(made), 0);
  });

  it('is asked for each time when its uses are counted, when nobody has it, or when it is a batch token', async () => {
    const [counted, batch, gone] = [await make({ numUses: 5 }), await make({ type: 'batch' }), await make()];
    await tokens.revoke(gone.entry.id);
    for (const made of [counted, batch, gone]) {
      await arrive(made);
      assert.equal(await asked(made), 1);
    }
    const { entry } = await arrive(counted);
    assert.ok(entry);
    await tokens.spend(entry);
    assert.equal((await arrive(counted)).entry?.usesLeft, 4);
  });

  it('is made, and found, when it was asked for before there was one', async () => {
    assert.equal((await tokens.arrive('own')).entry, undefined);
    const made = await make({ token: 'own' });
    assert.equal((await arrive(made)).entry?.id, made.entry.id);
  });

  it('is asked for each time where others write into the store', async () => {
    tokens = tokensOn(without(store));
    const made = await make();
    await arrive(made);
    assert.equal(await asked(made), 1);
  });

  it('is served no more once the seal is closed, and is not kept when it closes meanwhile', async () => {
    const made = await make();
    const late = await make();
    await arrive(made);
    const [read, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    store.onAnswer = () => (read.resolve(), release.promise);
    const early = arrive(late);
    await read.promise;
    barrier.forget();
    release.resolve();
    await assert.rejects(early, { code: 'sealed' });
    for (const each of [made, late]) await assert.rejects(arrive(each), { code: 'sealed' });
  });
});

describe('a token that arrives while it changes', () => {
  const steps = new Steps();
  let tokens: TokenStore;
  let made: CreatedToken;

  const prepare = async (): Promise<void> => {
    tokens = tokensOn(steppedStore(inner, steps));
    await inner.run('DELETE FROM tokens');
    await inner.run('DELETE FROM policies');
    // Its own calls are made before anybody is stopped.
    made = await tokensOn(inner).create(hourToken({}));
  };
  const arrive = async (): Promise<Arrival> => tokens.arrive(made.token.reveal());
  /** What is kept by now, if anything is, is what the store says. */
  const assertAsStored = async (): Promise<void> => {
    const { epoch, entry } = await tokensOn(without(inner)).arrive(made.token.reveal());
    for (let time = 0; time < 2; time++) {
      const arrived = await arrive();
      assert.deepEqual([arrived.epoch, arrived.entry], [epoch, entry]);
    }
  };

  for (const [what, change] of [
    ['revoked', () => tokens.revoke(made.entry.id)],
    ['renewed', () => tokens.extend(made.entry, Date.now() + 2 * HOUR)],
    ['left by its parent', () => tokens.revokeOrphaning(made.entry.id)],
    ['among changes of the configuration', () => new Epochs(steppedStore(inner, steps)).write(['policy/p'], [POLICY])],
  ] satisfies [string, () => Promise<unknown>][]) {
    it(`is not kept as it was before it was ${what}`, async () => {
      const afterwards = assertAsStored;
      const read = await steps.interleave({ prepare, stopped: arrive, meanwhile: change, afterwards });
      assert.deepEqual(
        read.map(({ when }) => when),
        ['before', 'after'],
      );
      const written = await steps.interleave({ prepare, stopped: change, meanwhile: arrive, afterwards });
      assert.ok(written.length >= 2);
      const warm = async (): Promise<void> => {
        await prepare();
        await arrive();
      };
      await steps.interleave({ prepare: warm, stopped: change, meanwhile: arrive, afterwards });
    });
  }
});

/** The same store, as one that others write into too. */
function without(store: Store): Store {
  return {
    exclusive: store.exclusive,
    run: (sql, params) => store.run(sql, params),
    transaction: (statements) => store.transaction(statements),
    close: () => store.close(),
  };
}
