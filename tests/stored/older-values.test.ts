/** Rows that are older than a field. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { textOf } from './store-file.ts';
import { StoredHome, type StoredServer } from './stored-server.ts';

const VERSION = '0.1.0';

describe('a row that is older than a field', () => {
  let home: StoredHome;
  let server: StoredServer;
  before(async () => {
    home = await StoredHome.make(VERSION);
    home.change((file) => {
      file.change('/roles/app-full', { validUntil: undefined, passwordPolicy: undefined });
      file.change('/static-roles/scheduled', { passwordPolicy: undefined });
      const lease = textOf(home.fixture.leases.full, 'leaseId');
      file.change(lease, { data: { ...(file.row(lease).value['data'] as JsonObject), validUntil: undefined } });
    });
    server = await home.start();
  });
  after(() => home.remove());

  it('reads as if the field had its default', async () => {
    const role = (await server.client.read('database/roles/app-full'))?.data ?? {};
    assert.deepEqual([role['valid_until'], role['credential_config']], [undefined, undefined]);
    assert.equal(role['max_ttl'], 876_000 * 3600);
    const scheduled = (await server.client.read('database/static-roles/scheduled'))?.data ?? {};
    assert.deepEqual([scheduled['credential_config'], scheduled['rotation_window']], [undefined, 7200]);
  });

  it('is written with it by the next change', async () => {
    await server.client.write('database/roles/app-full', { max_ttl: '24h' });
    await server.close();
    let written: JsonObject = {};
    home.change((file) => (written = file.row('/roles/app-full').value));
    assert.deepEqual([written['validUntil'], written['passwordPolicy'], written['maxTtl']], ['lease', '', 86_400]);
  });
});
