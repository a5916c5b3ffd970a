import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { definePath, findPath } from './path.ts';

const path = (pattern: string, foldedNames: readonly string[] = []) =>
  definePath({ pattern, foldedNames, fields: {}, synopsis: 'A path.' });

describe('paths', () => {
  it('match segment by segment, exactly', () => {
    const roles = path('roles/:name');
    assert.deepEqual(roles.match('roles/a'), { name: 'a' });
    assert.deepEqual(roles.match('roles/a b.c*'), { name: 'a b.c*' });
    assert.deepEqual(roles.match('roles/a\u2028b'), { name: 'a\u2028b' });
    for (const other of ['roles', 'roles/', 'roles/a/', 'roles/a/b', '/roles/a', 'Roles/a', 'xroles/a', '']) {
      assert.equal(roles.match(other), undefined, other);
    }
    assert.deepEqual(path('a.b').match('a.b'), {});
    assert.equal(path('a.b').match('axb'), undefined);
  });

  it('take one parameter of many segments, at the end or before one', () => {
    const lease = path('leases/revoke/:lease_id*');
    assert.deepEqual(lease.match('leases/revoke/a'), { lease_id: 'a' });
    assert.deepEqual(lease.match('leases/revoke/a/b/c'), { lease_id: 'a/b/c' });
    for (const other of ['leases/revoke', 'leases/revoke/', 'leases/revoke/a/', 'leases/revoke/a//b']) {
      assert.equal(lease.match(other), undefined, other);
    }
    const tune = path('mounts/:path*/tune');
    assert.deepEqual(tune.match('mounts/a/b/tune'), { path: 'a/b' });
    assert.deepEqual(tune.match('mounts/tune/tune'), { path: 'tune' });
    assert.equal(tune.match('mounts/tune'), undefined);
    assert.equal(tune.match('mounts/a/tune/b'), undefined);
  });

  it('fold the names that are folded, and no other', () => {
    assert.deepEqual(path('role/:role/secret-id/:id', ['role']).match('role/WEB/secret-id/X'), {
      role: 'web',
      id: 'X',
    });
    assert.equal(path('role/:role', ['role']).match('ROLE/web'), undefined);
  });

  it('end in a slash for lists and help alone', () => {
    const all = [path('roles'), path('roles/:name')];
    const found = (relative: string, operation: Parameters<typeof findPath>[2]) =>
      findPath(all, relative, operation)?.path.pattern;
    assert.deepEqual(
      [found('roles/', 'list'), found('roles/', 'help'), found('roles', 'help')],
      ['roles', 'roles', 'roles'],
    );
    for (const operation of ['read', 'update', 'delete'] as const) {
      assert.equal(found('roles/', operation), undefined);
      assert.equal(found('roles/a/', operation), undefined);
      assert.equal(found('roles/a', operation), 'roles/:name');
    }
    assert.equal(found('roles//', 'list'), undefined);
  });
});
