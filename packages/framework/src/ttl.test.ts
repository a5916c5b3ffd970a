import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { grantTtl, SYSTEM_TTL } from './ttl.ts';

const HOUR = 3600;
const role = { defaultTtl: HOUR, maxTtl: 24 * HOUR };

describe('grantTtl', () => {
  it('takes the narrowest default', () => {
    assert.equal(grantTtl({ increment: 0, limits: [role, SYSTEM_TTL], issueTime: 0, now: 0 }).ttl, HOUR);
    const unset = { defaultTtl: 0, maxTtl: 0 };
    assert.equal(grantTtl({ increment: 0, limits: [unset, SYSTEM_TTL], issueTime: 0, now: 0 }).ttl, 768 * HOUR);
  });

  it("cuts at the ceiling, counted from the issue, with Vault's warning", () => {
    const { ttl, warnings } = grantTtl({ increment: 90_000, limits: [role, SYSTEM_TTL], issueTime: 0, now: 900 });
    assert.equal(ttl, 24 * HOUR - 1);
    assert.deepEqual(warnings, [
      'TTL of "25h" exceeded the effective max_ttl of "23h59m59s"; TTL value is capped accordingly',
    ]);
  });

  it('refuses beyond the ceiling', () => {
    assert.throws(
      () => grantTtl({ increment: 1, limits: [role, SYSTEM_TTL], issueTime: 0, now: 24 * HOUR * 1000 }),
      /past the max TTL/,
    );
  });
});
