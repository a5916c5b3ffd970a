/** A revoked lease is over, and a login or an answer that comes late is undone. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '@coffer/testkit';
import { textOf } from '../auth/api.ts';
import { accessors, leaseCount, mountDatabase, newToken, untilNothingIsLeft } from './race-server.ts';
import { ACTIVATION, assertRefused, DENIED, NEW_LEASE, NEW_TOKEN, type Sent, withEachStorage } from './races.ts';

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
});
