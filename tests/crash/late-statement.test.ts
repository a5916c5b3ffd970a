/**
 * A killed server's statement takes effect only after the next server has tried to finish the rotation, and failed: that
 * the old password still logs in then says nothing.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@coffer/testkit';
import { CASES } from './cases.ts';
import { everyPoint } from './fault-point.ts';
import { CrashHarness } from './harness.ts';
import { checkInvariant, settle } from './invariant.ts';
import { openServer } from './server.ts';

describe('a statement that outlives the server that sent it', () => {
  let harness: CrashHarness;
  before(async () => (harness = await CrashHarness.start({ mode: 'yugabytedb', wholeTime: false })));
  after(() => harness.stop());

  for (const title of ['rotate-role', 'rotate-root']) {
    it(`sets the password of a ${title} that is not over`, { timeout: 120_000 }, async () => {
      const crashCase = CASES.find((each) => each.title === title) ?? assert.fail();
      const point = everyPoint(await harness.rehearse(crashCase)).find(
        (each) => each.at === 'statement' && each.moment === 'late' && each.sql.startsWith('ALTER ROLE'),
      );
      assert.ok(point);
      await using prepared = await harness.prepare(crashCase);
      const { promise: tried, resolve: land } = Promise.withResolvers<void>();
      await harness.kill(prepared, crashCase, point, tried);
      const killed = await harness.sessionsOf(prepared);
      assert.ok(killed.length > 0);
      const refused = prepared.proxy.addFault({
        match: /^ALTER ROLE/,
        action: { type: 'error', sqlstate: '42501', message: 'permission denied' },
      });
      await using server = await openServer(prepared.store);
      await eventually(() => refused.fired > 0, 'the next server tries to finish the rotation');
      land();
      await harness.untilGone(killed);
      await settle(server);
      await checkInvariant(server, harness.database, prepared.names);
    });
  }
});
