/** Servers that do not belong on a store: refused, with a sentence that says what to do. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { isJsonObject } from '@coffer/base';
import { ApiError } from '@coffer/client';
import { eventually } from '@coffer/testkit';
import { DurableHome, type DurableServer, type Initialized, initialize, isSealed, unseal } from '../durable-process.ts';
import { health } from './health.ts';
import { type SharedStore, startSharedStore } from './shared-store.ts';

const HOUR = 3_600_000;
const MAIN = resolve(import.meta.dirname, '../../apps/coffer/src/main.ts');
const SHIFTED = join(import.meta.dirname, 'shifted-clock.ts');

describe('servers on a store of others', () => {
  let store: SharedStore;
  let home: DurableHome;
  let own: DurableHome;
  let made: Initialized;
  let a: DurableServer;

  const isServed = async (): Promise<void> =>
    assert.ok((await a.client(made.root_token).read('auth/token/lookup-self')) !== undefined);

  before(async () => {
    store = await startSharedStore();
    home = await DurableHome.make();
    await home.configure(`${store.storage}\ncluster_name = "eu"`);
    a = await home.start();
    made = await initialize(a, 1, 1);
    await unseal(a, made.unseal_keys_b64);
  });
  beforeEach(async () => {
    own = await DurableHome.make({ SHIFTED_CLOCK: join(home.directory, 'shift') });
  });
  afterEach(() => own.remove());
  after(async () => {
    await home.remove();
    await store.stop();
  });

  for (const name of ['us', 'EU']) {
    it(`are not opened with the name of another cluster: ${name}`, async () => {
      await own.configure(`${store.storage}\ncluster_name = "${name}"`);
      const b = await own.start();
      await assert.rejects(unseal(b, made.unseal_keys_b64), (error: unknown) => {
        assert.ok(error instanceof ApiError);
        assert.equal(
          error.errors.join(),
          `the store belongs to the cluster "eu", and this server is configured for "${name}": give "${name}" a store of its own, ` +
            'or set cluster_name = "eu" to make this server one of "eu"',
        );
        return true;
      });
      assert.equal(await isSealed(b), true);
      await isServed();
    });
  }

  it('are opened with the same name, and with none', async () => {
    for (const name of ['cluster_name = "eu"', '']) {
      await own.configure(`${store.storage}\n${name}`);
      const b = await own.start();
      await unseal(b, made.unseal_keys_b64);
      const { body } = await b.client().request('GET', 'sys/health');
      assert.equal((body as { cluster_name: string }).cluster_name, 'eu');
      await b.stop('SIGTERM');
    }
  });

  it('stay sealed with another seal while the others are open, and the store keeps its own', async () => {
    await writeFile(own.path('key'), randomBytes(32));
    const seal = `seal "static" { current_key_id = "x", current_key = "file://${own.path('key')}" }`;
    await own.configure(`${store.storage}\n${seal}`);
    const b = await own.start();
    const share = made.unseal_keys_b64[0] ?? '';
    const { body } = await b.client().request('GET', 'sys/seal-status');
    assert.ok(isJsonObject(body));
    assert.deepEqual([body['sealed'], body['migration']], [true, true]);
    for (const migrate of [false, true]) {
      await assert.rejects(
        b.client().request('PUT', 'sys/unseal', { body: { key: share, migrate } }),
        migrate ? /open/ : /migrat/,
      );
    }
    assert.equal(await b.stop('SIGTERM'), 0);
    await isServed();
  });

  for (const [what, shift] of [
    ['an hour ahead', HOUR],
    ['an hour behind', -HOUR],
  ] as const) {
    it(`are not started with a clock that is ${what}`, async () => {
      await writeFile(home.path('shift'), String(shift));
      await own.configure(store.storage);
      const [, , side] = what.split(' ');
      const said = new RegExp(
        `the clock of this machine is 3(599|600|601) s ${side ?? ''} .*store.*: synchronize both with NTP`,
      );
      await assert.rejects(own.start([], [process.execPath, '--import', SHIFTED, MAIN]), said);
      await isServed();
    });
  }

  it('serve nobody while their clock is wrong, and go on by themselves', async () => {
    await writeFile(home.path('shift'), '0');
    await own.configure(store.storage);
    const b = await own.start([], [process.execPath, '--import', SHIFTED, MAIN]);
    await unseal(b, made.unseal_keys_b64);
    const asked = () => b.client(made.root_token).read('auth/token/lookup-self');
    assert.ok((await asked()) !== undefined);
    assert.deepEqual((await health(b)).status, 200);

    await writeFile(home.path('shift'), String(-HOUR));
    await eventually(async () => (await health(b)).status === 503, 'a wrong clock in the health');
    assert.match((await health(b)).reason ?? '', /the clock of this machine is 3(599|600|601) s behind/);
    assert.equal((await health(b, '?haunhealthycode=474')).status, 474);
    await assert.rejects(asked, (error: unknown) => {
      assert.ok(error instanceof ApiError);
      assert.equal(error.status, 503);
      assert.match(error.errors.join(), /the clock of this machine is .* synchronize both with NTP/);
      return true;
    });
    assert.equal(await isSealed(b), false);
    await isServed();

    await writeFile(home.path('shift'), '0');
    await eventually(async () => (await health(b)).status === 200, 'the health of a right clock');
    assert.ok((await asked()) !== undefined);
    const lines = b.output().split('\n');
    assert.equal(lines.filter((line) => line.includes('[ERROR]') && line.includes('the clock of this')).length, 1);
    assert.equal(lines.filter((line) => line.includes('the clock is right again')).length, 1);
  });
});
