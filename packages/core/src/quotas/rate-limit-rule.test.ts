import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type RateLimitRule, RuleTable } from './rate-limit-rule.ts';

const rule = (name: string, more: Partial<RateLimitRule> = {}): RateLimitRule => ({
  ...{ name, mountPath: '', pathSuffix: '', role: '', rate: 1, interval: 1, blockInterval: 0, inheritable: false },
  ...more,
});

const mounts = new Map(
  ['auth/userpass/', 'database/', 'sys/'].map((path, index) => [path, { path, uuid: `uuid-${index + 1}` }]),
);

describe('the rule for a request', () => {
  const table = new RuleTable();
  const userpass = { mount: 'uuid-1', mountPath: 'auth/userpass/' };
  const rules = [
    rule('all'),
    rule('mount', userpass),
    rule('logins', { ...userpass, pathSuffix: 'login/*' }),
    rule('a-logins', { ...userpass, pathSuffix: 'login/a*' }),
    rule('ana', { ...userpass, pathSuffix: 'login/ana' }),
    rule('role', { ...userpass, role: 'web' }),
    rule('every-database-path', { mount: 'uuid-2', mountPath: 'database/', pathSuffix: '*' }),
  ].map((each, index) => ({ ...each, rate: index + 1 }));
  table.replace(rules);
  /** The rule is told by its rate, which is the limit that the client is told. */
  const found = (
    path: string,
    mountPath: string,
    more: { folds?: boolean; role?: string } = {},
  ): string | undefined => {
    const mount = mounts.get(mountPath);
    const limit = table.limitFor({ path, mount, folds: false, ...more })?.limit.take('a').limit;
    return limit === undefined ? undefined : rules[limit - 1]?.name;
  };

  it('is the most specific one', () => {
    assert.equal(found('sys/mounts', 'sys/'), 'all');
    assert.equal(found('nothing/here', ''), 'all');
    assert.equal(found('auth/userpass/users/', userpass.mountPath), 'mount');
    assert.equal(found('auth/userpass/login/bob', userpass.mountPath), 'logins');
    assert.equal(found('auth/userpass/login/alan', userpass.mountPath), 'a-logins');
    assert.equal(found('auth/userpass/login/ana', userpass.mountPath), 'ana');
    assert.equal(found('auth/userpass/login/ana/', userpass.mountPath), 'ana');
    assert.equal(found('auth/userpass/login/ana', userpass.mountPath, { role: 'web' }), 'role');
    assert.equal(found('auth/userpass/login/ana', userpass.mountPath, { role: 'other' }), 'ana');
    assert.equal(found('auth/userpass/login/ana', userpass.mountPath, { role: '' }), 'ana');
    assert.equal(found('database/roles/', 'database/'), 'every-database-path');
  });

  it('is the same in every spelling where names do not distinguish case', () => {
    assert.equal(found('auth/userpass/login/ANA', userpass.mountPath, { folds: true }), 'ana');
    assert.equal(found('auth/userpass/login/ANA', userpass.mountPath), 'logins');
  });

  it('keeps its counts while it stays as it is', () => {
    const counted = new RuleTable();
    const take = (): boolean | undefined =>
      counted.limitFor({ path: 'sys/mounts', mount: mounts.get('sys/'), folds: false })?.limit.take('a').allowed;
    counted.replace([rule('all')]);
    assert.deepEqual([take(), take()], [true, false]);
    counted.replace([rule('all'), rule('other', { mount: 'uuid-2' })]);
    assert.equal(take(), false);
    counted.replace([rule('all', { rate: 2 })]);
    assert.equal(take(), true);
    counted.replace([]);
    assert.equal(take(), undefined);
  });
});
