/** Leases whose revocation fails and fails: counted and listed as Vault's irrevocable ones are, and still tried again. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { textOf } from './auth/api.ts';
import { withEachStorage } from './races/races.ts';

withEachStorage((races) => {
  describe('an irrevocable lease', () => {
    /** By role, in the order in which they should have ended. */
    const ids: string[] = [];
    let accessor = '';

    /** As after so many attempts that failed. */
    const fail = (id: string, attempts: number): Promise<unknown> =>
      races.server.store.inner.run(
        `UPDATE leases SET state = 'revoking', attempts = $2, last_error = 'it is stuck', next_attempt = $3, expire_time = $4
         WHERE id = $1`,
        [id, attempts, Date.now() + 3_600_000, 1_000 - ids.indexOf(id)],
      );
    const count = async (query: string): Promise<JsonObject> =>
      (await races.api.ok('GET', `sys/leases/count?${query}`)).data;
    const list = async (query: string) => {
      const { data, body } = await races.api.ok('GET', `sys/leases?${query}`);
      return {
        data,
        warnings: body['warnings'],
        ids: (data['leases'] as JsonObject[]).map((each) => each['lease_id']),
      };
    };

    before(async () => {
      const mount = (await races.api.ok('GET', 'sys/mounts/database')).data;
      accessor = textOf(mount['accessor']);
      for (let n = 0; n < 4; n++) {
        ids.push(textOf((await races.api.ok('GET', 'database/creds/app')).body['lease_id']));
      }
    });
    after(() => races.post('sys/leases/revoke-prefix/database'));

    it('is none before six attempts', async () => {
      await fail(ids[0] ?? '', 5);
      assert.deepEqual(await count('type=irrevocable'), { lease_count: 0, counts: {} });
      assert.deepEqual((await list('type=irrevocable')).data, { lease_count: 0, leases: [] });
      assert.deepEqual(await count('type=revoking'), { lease_count: 1 });
      assert.deepEqual(await count(''), { lease_count: 4 });
      const shown = (await races.post('sys/leases/lookup', { lease_id: ids[0] ?? '' })).data;
      assert.deepEqual([shown['revocation_error'], shown['revoke_error']], ['it is stuck', undefined]);
    });

    it('is counted by mount, and listed with its error by the time of its end', async () => {
      for (const id of ids.slice(0, 3)) await fail(id, 6);
      assert.deepEqual(await count('type=irrevocable'), { lease_count: 3, counts: { [accessor]: 3 } });
      assert.deepEqual(await count('type=IRREVOCABLE&include_child_namespaces=true'), {
        lease_count: 3,
        counts: { [accessor]: 3 },
      });
      const { data, warnings } = await list('type=irrevocable');
      const leases = ids
        .slice(0, 3)
        .reverse()
        .map((lease_id) => ({ lease_id, mount_id: accessor, error: 'it is stuck', attempts: 6 }));
      const listed = (data['leases'] as JsonObject[]).map((lease) => {
        const { age, issue_time, expire_time, next_revocation, ...rest } = lease;
        const issued = Date.parse(textOf(issue_time));
        assert.ok(typeof age === 'number' && Math.abs((Date.now() - issued) / 1000 - age) < 5, JSON.stringify(lease));
        assert.ok(Date.parse(textOf(next_revocation)) > Date.now(), 'it is tried again');
        assert.ok(Date.parse(textOf(expire_time)) < issued);
        return rest;
      });
      assert.deepEqual([data['lease_count'], listed, warnings], [3, leases, null]);
      const shown = (await races.post('sys/leases/lookup', { lease_id: ids[0] ?? '' })).data;
      assert.equal(shown['revoke_error'], 'it is stuck');
    });

    it('is listed up to a limit, with a warning that there are more', async () => {
      const two = await list('type=irrevocable&limit=2');
      assert.deepEqual(two.ids, [ids[2], ids[1]]);
      assert.match(JSON.stringify(two.warnings), /many irrevocable leases were found/);
      for (const limit of ['3', '10000', 'none', 'None']) {
        const all = await list(`type=irrevocable&limit=${limit}`);
        assert.deepEqual([all.ids.length, all.warnings], [3, null], limit);
      }
      for (const limit of ['0', '-1', 'all', '1.5', '1e3']) {
        const path = `sys/leases?type=irrevocable&limit=${limit}`;
        await races.api.refused([400, /limit must be 'none' or a positive integer/], 'GET', path);
      }
    });

    it('is the only kind that is listed, by whoever has sudo', async () => {
      for (const path of ['sys/leases', 'sys/leases?type=active', 'sys/leases/count?type=active']) {
        assert.equal((await races.api('GET', path)).status, 404, path);
      }
      await races.api.ok('PUT', 'sys/policies/acl/reads', { policy: 'path "sys/leases*" { capabilities = ["read"] }' });
      const { auth } = await races.post('auth/token/create', { policies: ['reads'] });
      const token = textOf(auth['client_token']);
      await races.api.refused([403, /permission denied/], 'GET', 'sys/leases?type=irrevocable', undefined, { token });
      await races.api.ok('GET', 'sys/leases/count?type=irrevocable', undefined, { token });
    });

    it('is none any more once it was revoked after all', async () => {
      await races.post('sys/leases/revoke', { lease_id: ids[0] ?? '' });
      await races.post(`sys/leases/revoke-force/${ids[1] ?? ''}`);
      assert.deepEqual((await list('type=irrevocable')).ids, [ids[2]]);
      await races.post('sys/leases/revoke-prefix/database');
      assert.deepEqual(await count('type=irrevocable'), { lease_count: 0, counts: {} });
    });
  });
});
