/** A revoked lease is over, and a login or an answer that comes late is undone; that of a batch token ends with what it hangs on. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { eventually } from '@coffer/testkit';
import { textOf } from '../auth/api.ts';
import { accessors, leaseCount, mountDatabase, newToken, untilNothingIsLeft } from './race-server.ts';
import { ACTIVATION, assertRefused, DENIED, NEW_LEASE, NEW_TOKEN, type Sent, withEachStorage } from './races.ts';

const LOOKUP = 'sys/leases/lookup';
const NO_WRAPPING_TOKEN = [400, 'wrapping token is not valid or does not exist'] as const;

withEachStorage((races) => {
  const entriesBelow = async (mount: string): Promise<number> =>
    (await races.server.store.inner.run('SELECT name FROM entries WHERE mount = $1', [mount])).rows.length;

  describe('a login that is being made', () => {
    for (const [name, end] of races.endings.filter(([title]) => title !== 'revoke-prefix')) {
      it(`is not begun after ${name}`, async () => {
        const token = await newToken(races.api);
        const request: Sent = ['GET', 'database/creds/app', undefined, { token }];
        assertRefused(await races.held(NEW_LEASE, request, () => end(token)), DENIED);
        assert.equal(await leaseCount(races.api), 0);
        await untilNothingIsLeft(races.server, races.database);
      });

      it(`is dropped when it comes after ${name}`, async () => {
        const token = await newToken(races.api);
        const request: Sent = ['GET', 'database/creds/app', undefined, { token }];
        assertRefused(await races.held(ACTIVATION, request, () => end(token)), [403, /revoked while/]);
        await untilNothingIsLeft(races.server, races.database);
      });
    }

    it('is not begun after the engine was disabled', async () => {
      const request: Sent = ['GET', 'database/creds/app'];
      const answer = await races.held(NEW_LEASE, request, () => races.api.ok('DELETE', 'sys/mounts/database'));
      assertRefused(answer, [403, /disabled during the request/]);
      await untilNothingIsLeft(races.server, races.database);
      await mountDatabase(races.api, races.database);
    });

    it('holds up the disabling of its engine until it is dropped', async () => {
      const hold = races.server.store.hold(ACTIVATION);
      const asked = races.api('GET', 'database/creds/app');
      await hold.reached;
      const disabled = races.api.ok('DELETE', 'sys/mounts/database');
      await eventually(
        async () =>
          (await races.server.store.inner.run("SELECT id FROM leases WHERE state = 'revoking'")).rows.length === 1,
        () => 'it does not look for the lease',
      );
      hold.release();
      assertRefused(await asked, [403, /revoked while/]);
      await disabled;
      await untilNothingIsLeft(races.server, races.database);
      await mountDatabase(races.api, races.database);
    });

    it('is not renewed once its lease or its token is revoked', async () => {
      const token = await newToken(races.api);
      const ends: readonly ((lease_id: string) => Promise<unknown>)[] = [
        (lease_id) => races.api.ok('PUT', 'sys/leases/revoke', { lease_id, sync: false }),
        () => races.api.ok('PUT', 'sys/leases/revoke-prefix/database', { sync: false }),
        () => races.post('auth/token/revoke', { token }),
      ];
      for (const end of ends) {
        const { body } = await races.api.ok('GET', 'database/creds/app', undefined, { token });
        const lease_id = textOf(body['lease_id']);
        const request: Sent = ['PUT', 'sys/leases/renew', { lease_id, increment: 7200 }];
        const renewal = /^UPDATE leases SET expire_time/;
        assertRefused(await races.held(renewal, request, () => end(lease_id)), [400, 'lease not found']);
        await untilNothingIsLeft(races.server, races.database);
      }
    });
  });

  describe('a wrapped answer', () => {
    const wrapped = async (token = 'root'): Promise<{ token: string; accessor: string }> => {
      const { wrapInfo } = await races.api.ok('GET', 'database/creds/app', undefined, { wrapTtl: '5m', token });
      return { token: textOf(wrapInfo['token']), accessor: textOf(wrapInfo['accessor']) };
    };
    const endAll = async (): Promise<void> => {
      await races.post('sys/leases/revoke-prefix/database');
      await untilNothingIsLeft(races.server, races.database);
      assert.equal(await entriesBelow('core/wrapping'), 0, 'no answer is kept that no token gives out');
    };

    it('is not kept when the token that asked was revoked', async () => {
      const before = await accessors(races.api);
      const token = await newToken(races.api);
      const request: Sent = ['GET', 'database/creds/app', undefined, { token, wrapTtl: '5m' }];
      assertRefused(await races.held(NEW_TOKEN, request, () => races.post('auth/token/revoke', { token })), DENIED);
      assert.deepEqual(await accessors(races.api), before);
      await endAll();
    });

    it('is not kept without its wrapping token', async () => {
      const before = await accessors(races.api);
      const request: Sent = ['GET', 'database/creds/app', undefined, { wrapTtl: '5m' }];
      const answer = await races.held(/^INSERT INTO entries/, request, async () => {
        const [accessor] = (await accessors(races.api)).filter((each) => !before.includes(each));
        await races.post('auth/token/revoke-accessor', { accessor: accessor ?? '' });
      });
      assertRefused(answer, NO_WRAPPING_TOKEN);
      await endAll();
    });

    it('is not moved from a wrapping token that was revoked or unwrapped', async () => {
      const before = await accessors(races.api);
      for (const pattern of [NEW_TOKEN, /^INSERT INTO entries/, /^DELETE FROM entries .* RETURNING value/]) {
        for (const end of ['revoke-accessor', 'unwrap']) {
          const { token, accessor } = await wrapped();
          const answer = await races.held(pattern, ['POST', 'sys/wrapping/rewrap', { token }], () =>
            end === 'unwrap'
              ? races.post('sys/wrapping/unwrap', { token })
              : races.post('auth/token/revoke-accessor', { accessor }),
          );
          assert.ok(answer.status === 400 || answer.status === 403, `${answer.status} ${answer.error}`);
          assert.deepEqual(await accessors(races.api), before, `${end} at ${String(pattern)}`);
        }
      }
      await endAll();
    });
  });

  describe('the lease of a credential that a batch token was issued', () => {
    afterEach(async () => {
      await races.post('sys/leases/revoke-prefix/database');
      await untilNothingIsLeft(races.server, races.database);
    });

    const batch = async (path: string, body: JsonObject = {}, token = 'root'): Promise<string> => {
      const wanted = { type: 'batch', policies: ['app'], ...body };
      return textOf((await races.post(`auth/token/${path}`, wanted, token)).auth['client_token']);
    };
    const ttlOf = async (lease_id: string) => Number((await races.post(LOOKUP, { lease_id })).data['ttl']);
    const isOver = async (lease_id: string) => (await races.api('POST', LOOKUP, { lease_id })).status === 400;
    const creds = async (token: string): Promise<string> =>
      textOf((await races.api.ok('GET', 'database/creds/app', undefined, { token })).body['lease_id']);
    const alive = (...tokens: string[]) => Promise.all(tokens.map((token) => races.api.alive(token)));
    const untilOver = async (lease_id: string): Promise<void> =>
      eventually(() => isOver(lease_id), `${lease_id} ends`).then(() => undefined);

    it('lasts no longer than the token, whoever renews it', async () => {
      const token = await batch('create', { ttl: '20m' });
      const { body } = await races.api.ok('GET', 'database/creds/app', undefined, { token });
      const lease_id = textOf(body['lease_id']);
      assert.ok(Number(body['lease_duration']) <= 1200);
      for (const renewer of [token, 'root']) {
        const renewed = await races.post('sys/leases/renew', { lease_id, increment: '3h' }, renewer);
        const granted = Number(renewed.body['lease_duration']);
        assert.ok(granted > 1100 && granted <= 1200, `${granted}`);
        assert.ok((await ttlOf(lease_id)) <= 1200);
      }
      const logins = await races.database.query(
        `SELECT extract(epoch FROM rolvaliduntil - now()) AS left FROM pg_roles WHERE rolname = $1`,
        [(body['data'] as JsonObject)['username']],
      );
      assert.ok(Number(logins[0]?.['left']) < 1300, 'the login itself is over soon after');
    });

    it('ends with the token, and no later than it is revoked', async () => {
      const short = await creds(await batch('create', { ttl: '2s' }));
      const own = await batch('create', { ttl: '20m' });
      const [revoked, other] = [await creds(own), await creds(own)];
      await races.post('sys/leases/revoke', { lease_id: revoked, sync: true });
      assert.deepEqual([await isOver(revoked), await isOver(other)], [true, false]);
      await untilOver(short);
      assert.equal(await isOver(other), false);
    });

    it('ends with the parent of the token, and that of an orphan does not', async () => {
      const parent = await newToken(races.api, { ttl: '1h', policies: ['app', 'makes'] });
      const policy = 'path "auth/token/create*" { capabilities = ["update", "sudo"] }';
      await races.api.ok('PUT', 'sys/policies/acl/makes', { policy });
      const [child, orphan] = [await batch('create', {}, parent), await batch('create-orphan', {}, parent)];
      const [ofChild, ofOrphan] = [await creds(child), await creds(orphan)];
      await races.post('auth/token/revoke', { token: parent });
      await untilOver(ofChild);
      assert.deepEqual([await isOver(ofOrphan), await alive(child, orphan)], [false, [false, true]]);
      await races.api.refused([403, /permission denied/], 'GET', 'database/creds/app', undefined, { token: child });
    });
  });
});
