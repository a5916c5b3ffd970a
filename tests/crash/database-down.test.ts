/** The database is away while leases end: they stay, say why, and are revoked by themselves when it is back. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually, startPostgres, type TestPostgres } from '@coffer/testkit';
import { configure, issue, startTestServer, type TestServer, connectionTo } from '../dev-server.ts';
import { issuedRoles, tryLogin } from '../logins.ts';

describe('a database that is down during a revocation', () => {
  let database: TestPostgres;
  let server: TestServer;

  before(async () => {
    database = await startPostgres();
    server = await startTestServer();
    await configure(server.client, connectionTo(database));
  });
  after(async () => {
    await server.close();
    await database.stop();
  });

  const leaseCount = async (): Promise<unknown> =>
    (await server.client.read('sys/leases/count'))?.data?.['lease_count'];

  async function lookup(leaseId: string): Promise<Readonly<Record<string, unknown>>> {
    return (await server.client.write('sys/leases/lookup', { lease_id: leaseId }))?.data ?? {};
  }

  it('gets its leases revoked when it is back', async () => {
    const waitedFor = await issue(server.client);
    const queued = await issue(server.client);
    const live = await issue(server.client);
    await database.halt();

    await assert.rejects(
      server.client.write('sys/leases/revoke', { lease_id: waitedFor.leaseId, sync: true }),
      /failed to revoke .*connection refused/,
    );
    await server.client.write('sys/leases/revoke', { lease_id: queued.leaseId, sync: false });
    for (const { leaseId } of [waitedFor, queued]) {
      await eventually(
        async () => Number((await lookup(leaseId))['revocation_attempts']) > 0,
        'an attempt to revoke it',
      );
      assert.match(String((await lookup(leaseId))['revocation_error']), /connection refused/);
    }
    await assert.rejects(issue(server.client), /connection refused/);
    assert.equal(await leaseCount(), 3, 'a credential that could not be made leaves no lease, and the others stay');

    await database.resume();
    await eventually(async () => (await leaseCount()) === 1, 'the end of the others');
    assert.deepEqual(await issuedRoles(database), [live.username]);
    assert.deepEqual(await tryLogin(database, live.username, live.password), { user: live.username });
    await server.client.write('sys/leases/revoke', { lease_id: live.leaseId, sync: true });
    assert.deepEqual(await issuedRoles(database), []);
  });
});
