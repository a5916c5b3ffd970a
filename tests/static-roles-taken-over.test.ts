/** A static role that is taken over with its password keeps the rhythm of its rotations, when the last one is said. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { formatTime, type JsonObject } from '@coffer/base';
import { ApiError } from '@coffer/client';
import { databaseUnderTest, eventually, type TestDatabase } from '@coffer/testkit';
import { configure, connectionTo, startTestServer, type TestServer } from './dev-server.ts';
import { tryLogin } from './logins.ts';

const HOUR_MS = 3_600_000;

describe('last_vault_rotation of a static role that is taken over', () => {
  let database: TestDatabase;
  let server: TestServer;

  before(async () => {
    database = await databaseUnderTest();
    server = await startTestServer();
    await configure(server.client, connectionTo(database));
  });
  after(async () => {
    await server.close();
    await database.stop();
  });

  const takeOver = async (name: string, fields: JsonObject): Promise<void> => {
    await database.query(`DROP ROLE IF EXISTS ${name}; CREATE ROLE ${name} LOGIN PASSWORD 'known'`);
    const given = { db_name: 'yugabytedb', username: name, password: 'known', skip_import_rotation: true, ...fields };
    await server.client.write(`database/static-roles/${name}`, given);
  };
  const creds = async (name: string): Promise<JsonObject> =>
    (await server.client.read(`database/static-creds/${name}`))?.data ?? {};

  it('is shown, and the period counts from it', async () => {
    const last = formatTime(Date.now() - HOUR_MS);
    await takeOver('over_period', { rotation_period: '2h', last_vault_rotation: last });
    const { password, last_vault_rotation: shown, ttl } = await creds('over_period');
    assert.deepEqual([password, shown], ['known', last]);
    assert.ok(typeof ttl === 'number' && ttl <= 3600, 'an hour of two is over');
    assert.deepEqual(await tryLogin(database, 'over_period', 'known'), { user: 'over_period' });
    const role = await server.client.read('database/static-roles/over_period');
    assert.equal(role?.data?.['last_vault_rotation'], last);
  });

  it('lets the next rotation come at its time: at once when that is over', async () => {
    await takeOver('over_due', { rotation_period: '1h', last_vault_rotation: formatTime(Date.now() - 2 * HOUR_MS) });
    let now = '';
    await eventually(
      async () => (now = (await creds('over_due'))['password'] as string) !== 'known',
      () => server.log(),
    );
    assert.deepEqual(await tryLogin(database, 'over_due', now), { user: 'over_due' });
  });

  it('does not move a schedule', async () => {
    await takeOver('over_schedule', {
      rotation_schedule: `0 0 1 ${((new Date().getUTCMonth() + 6) % 12) + 1} *`,
      last_vault_rotation: '2020-01-31T12:00:00.123456789+02:00',
    });
    const { password, last_vault_rotation: shown } = await creds('over_schedule');
    assert.deepEqual([password, shown], ['known', '2020-01-31T10:00:00.123Z']);
  });

  it('is refused where it would say what is not so', async () => {
    const bad: readonly [JsonObject, RegExp][] = [
      [{ last_vault_rotation: 'yesterday' }, /field "last_vault_rotation": "yesterday" is not a time; use RFC 3339/],
      [{ last_vault_rotation: '2026-02-31T25:00:00Z' }, /is not a time/],
      [{ last_vault_rotation: '0001-01-01T00:00:00Z' }, /is not a time/],
      [{ last_vault_rotation: formatTime(Date.now() + HOUR_MS) }, /is in the future/],
      [
        { last_vault_rotation: formatTime(0), skip_import_rotation: false },
        /only valid with skip_import_rotation=true/,
      ],
    ];
    for (const [fields, message] of bad) {
      const refused = takeOver('over_refused', { rotation_period: '1h', ...fields });
      await assert.rejects(refused, (error) => error instanceof ApiError && message.test(error.message));
    }
    assert.equal(await server.client.read('database/static-roles/over_refused'), undefined);
    await takeOver('over_refused', { rotation_period: '1h' });
    const later = server.client.write('database/static-roles/over_refused', { last_vault_rotation: formatTime(0) });
    await assert.rejects(later, /can be set only when a static role is created/);
  });
});
