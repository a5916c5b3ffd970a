/**
 * The connection to the store is lost at each write of a request, before the store has it or before it is answered. Where it can be
 * found out what became of it, nobody notices; and nothing stays claimed that nobody is at.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { dropAdmin, makeAdmin } from '@coffer/testkit';
import { type Api, apiAt, textOf } from '../auth/api.ts';
import { connectionTo, SEED_CREATION } from '../dev-server.ts';
import { DurableHome, type DurableServer, unseal } from '../durable-process.ts';
import { tryLogin } from '../logins.ts';
import { type SharedStore, startSharedStore } from './shared-store.ts';

const ADMIN = { user: 'lossy_admin', password: 'first' };
const LOSSES = ['drop-before', 'drop-after'] as const;

describe('a server whose connection to the store is lost in the middle of a request', () => {
  let store: SharedStore;
  let home: DurableHome;
  let server: DurableServer;
  let api: Api;
  let keys: readonly string[];

  before(async () => {
    store = await startSharedStore();
    home = await DurableHome.make();
    await home.configure(store.storage);
    server = await home.start();
  });
  after(async () => {
    await dropAdmin(store.database, ADMIN.user);
    await home.remove();
    await store.stop();
  });

  /** Loses the connection at the first statement like this while `work` is done, and checks that it was. */
  const losing = async <T>(match: RegExp, type: (typeof LOSSES)[number], work: () => Promise<T>): Promise<T> => {
    store.proxy.clearFaults();
    const fault = store.proxy.addFault({ match, action: { type } });
    try {
      return await work();
    } finally {
      assert.equal(fault.fired, 1, `${type} ${match}`);
      store.proxy.clearFaults();
    }
  };
  const issue = async (): Promise<string> => {
    const answer = await api.ok('GET', 'database/creds/app');
    const { username, password } = answer.data;
    assert.deepEqual(await tryLogin(store.database, textOf(username), textOf(password)), { user: username });
    return textOf(answer.body['lease_id']);
  };

  it('is initialized with keys that somebody has, or not at all', async () => {
    const initialize = () =>
      server.client().request('PUT', 'sys/init', { body: { secret_shares: 1, secret_threshold: 1 } });
    const isInitialized = async () =>
      ((await server.client().request('GET', 'sys/seal-status')).body as { initialized: boolean }).initialized;
    for (const type of LOSSES) {
      const entries = losing(/^INSERT INTO entries/, type, initialize);
      await assert.rejects(entries, { status: 503 });
      assert.equal(await isInitialized(), false, type);
    }
    const { body } = await losing(/^COMMIT/, 'drop-after', initialize);
    const { keys_base64, root_token } = body as unknown as { keys_base64: string[]; root_token: string };
    keys = keys_base64;
    await unseal(server, keys);
    api = apiAt(server.address, root_token);
    await api.ok('GET', 'auth/token/lookup-self');
  });

  it('answers as ever', async () => {
    await makeAdmin(store.database, ADMIN);
    await api.ok('POST', 'sys/mounts/database', { type: 'database' });
    const config = { plugin_name: 'ysql-plugin', allowed_roles: '*', ...connectionTo(store.database) };
    await api.ok('POST', 'database/config/db', { ...config, username: ADMIN.user, password: ADMIN.password });
    await api.ok('POST', 'database/roles/app', { db_name: 'db', creation_statements: SEED_CREATION });
    let lease = await issue();
    const renew = () => api.ok('PUT', 'sys/leases/renew', { lease_id: lease });
    const revoke = () => api.ok('PUT', 'sys/leases/revoke', { lease_id: lease, sync: true });
    const rotate = () => api.ok('POST', 'database/rotate-root/db', {});
    const create = () => api.ok('POST', 'auth/token/create', { policies: ['default'] });
    const rekey = async (): Promise<void> => {
      const begun = await api.ok('PUT', 'sys/rekey/init', { secret_shares: 1, secret_threshold: 1 });
      const done = await api.ok('PUT', 'sys/rekey/update', { key: keys[0] ?? '', nonce: textOf(begun.body['nonce']) });
      keys = done.body['keys_base64'] as string[];
    };
    for (const type of LOSSES) {
      const points: readonly (readonly [RegExp, () => Promise<unknown>])[] = [
        [/^INSERT INTO tokens/, create],
        [/^INSERT INTO leases/, issue],
        [/^UPDATE leases SET state = 'active'/, issue],
        [/^UPDATE leases SET claim = \$3, .*state = 'active' OR/s, renew],
        [/^UPDATE leases SET expire_time/, renew],
        [/^UPDATE leases SET claim = \$3, .*'revoking'/s, revoke],
        [/^DELETE FROM leases/, revoke],
        [/^INSERT INTO intents/, rotate],
        [/^UPDATE intents SET claimed_until = .*state/s, rotate],
        [/^UPDATE intents SET claim = ''/, rotate],
        [/^UPDATE keyring/, rekey],
        [/^INSERT INTO keyring/, rekey],
      ];
      for (const [match, work] of points) {
        if (work === revoke) lease = await issue();
        await losing(match, type, work);
        if (work === revoke) await api.refused([400, /invalid lease/], 'PUT', 'sys/leases/lookup', { lease_id: lease });
        lease = await issue();
        // Nothing is claimed that nobody is at.
        await renew();
      }
    }
    await api.ok('PUT', 'sys/leases/revoke-prefix/database', { sync: true });
    await server.client(textOf((await create()).auth['client_token'])).read('auth/token/lookup-self');
    await server.stop('SIGTERM');
    server = await home.start();
    await unseal(server, keys);
  });
});
