import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CofferError } from '@coffer/base';
import { createAcl } from './acl.ts';
import { parsePolicy } from './policy.ts';

const acl = (...policies: string[]) => createAcl(policies.flatMap(parsePolicy));

describe('policies', () => {
  it('allow only what they name', () => {
    const rules = acl('path "database/creds/my-first-role" { capabilities = ["read"] }');
    assert.equal(rules.allows('read', 'database/creds/my-first-role', {}, false), true);
    assert.equal(rules.allows('update', 'database/creds/my-first-role', {}, false), false);
    assert.equal(rules.allows('read', 'database/creds/my-first-role/x', {}, false), false);
    assert.equal(rules.allows('read', 'database/creds/other', {}, false), false);
    assert.deepEqual(rules.capabilities('database/creds/other'), ['deny']);
    assert.deepEqual(rules.capabilities('database/creds/my-first-role'), ['read']);
  });

  it('match globs and single segments', () => {
    const rules = acl(
      'path "a/*" { capabilities = ["read"] } path "b/+/c" { capabilities = ["read"] } path "d*" { capabilities = ["list"] }',
    );
    assert.equal(rules.allows('read', 'a/x/y', {}, false), true);
    assert.equal(rules.allows('read', 'a', {}, false), false);
    assert.equal(rules.allows('read', 'b/x/c', {}, false), true);
    assert.equal(rules.allows('read', 'b/x/y/c', {}, false), false);
    assert.equal(rules.allows('list', 'dx/', {}, false), true);
  });

  it('the most specific path counts, whatever the order', () => {
    for (const text of [
      ['path "s/*" { capabilities = ["read"] }', 'path "s/secret" { capabilities = ["deny"] }'],
      ['path "s/secret" { capabilities = ["deny"] }', 'path "s/*" { capabilities = ["read"] }'],
    ]) {
      const rules = acl(...text);
      assert.equal(rules.allows('read', 's/open', {}, false), true);
      assert.equal(rules.allows('read', 's/secret', {}, false), false);
    }
    const plus = acl('path "s/+/x" { capabilities = ["read"] } path "s/a/*" { capabilities = ["update"] }');
    assert.equal(plus.allows('update', 's/a/x', {}, false), true);
    assert.equal(plus.allows('read', 's/a/x', {}, false), false);
  });

  it('merge for the same path, and deny wins', () => {
    const merged = acl('path "p" { capabilities = ["read"] }', 'path "p" { capabilities = ["update"] }');
    assert.deepEqual(merged.capabilities('p'), ['read', 'update']);
    const denied = acl('path "p" { capabilities = ["read"] }', 'path "p" { capabilities = ["deny"] }');
    assert.deepEqual(denied.capabilities('p'), ['deny']);
  });

  it('list a folder by the rule with or without its slash', () => {
    const allowed = (rule: string, path: string) =>
      acl(`path "${rule}" { capabilities = ["list"] }`).allows('list', path, {}, false);
    assert.equal(allowed('database/roles', 'database/roles/'), true);
    assert.equal(allowed('database/roles/', 'database/roles/'), true);
    assert.equal(allowed('+/roles', 'database/roles/'), true);
    assert.equal(allowed('+/roles/', 'database/roles/'), true);
    assert.equal(allowed('database/ro*', 'database/roles/'), true);
    const both = acl('path "+/roles" { capabilities = ["deny"] } path "d/roles/*" { capabilities = ["list"] }');
    assert.equal(both.allows('list', 'd/roles/', {}, false), false, 'the name without its slash comes first');
  });

  it('sudo paths need sudo', () => {
    assert.equal(acl('path "sys/x" { capabilities = ["update"] }').allows('update', 'sys/x', {}, true), false);
    assert.equal(acl('path "sys/x" { capabilities = ["update", "sudo"] }').allows('update', 'sys/x', {}, true), true);
  });

  it('bound parameters of writes', () => {
    const rules = acl(`path "r" {
      capabilities = ["create"]
      required_parameters = ["db_name"]
      allowed_parameters = { "db_name" = ["app*"], "max_ttl" = [] }
      denied_parameters = { "max_ttl" = ["999h"] }
    }`);
    assert.equal(rules.allows('create', 'r', { db_name: 'app1', max_ttl: '1h' }, false), true);
    assert.equal(rules.allows('create', 'r', { max_ttl: '1h' }, false), false);
    assert.equal(rules.allows('create', 'r', { db_name: 'other' }, false), false);
    assert.equal(rules.allows('create', 'r', { db_name: 'app1', max_ttl: '999h' }, false), false);
    assert.equal(rules.allows('create', 'r', { db_name: 'app1', surprise: 1 }, false), false);
  });

  it('take JSON and the older shorthand', () => {
    assert.deepEqual(acl('{"path": {"a/b": {"capabilities": ["read", "list"]}}}').capabilities('a/b'), [
      'list',
      'read',
    ]);
    assert.deepEqual(acl('path "a" { policy = "write" }').capabilities('a'), [
      'create',
      'delete',
      'list',
      'read',
      'update',
    ]);
  });

  it('fold to lower case, and deny wins among what folds together', () => {
    const rules = acl(
      'path "auth/u/Users/Bob" { capabilities = ["deny"] } path "auth/u/users/bob" { capabilities = ["update"] } path "A/*" { capabilities = ["read"] }',
    );
    assert.deepEqual(rules.capabilities('auth/u/users/bob'), ['update']);
    assert.deepEqual(rules.folded().capabilities('auth/u/users/bob'), ['deny']);
    assert.deepEqual(rules.folded().capabilities('a/x'), ['read']);
    assert.equal(rules.folded(), rules.folded());
  });

  it('say which line is wrong', () => {
    const cases = [
      ['path "a" { capabilities = ["raed"] }', /1:.*invalid capability "raed"/],
      ['path "a" {\n  capability = ["read"]\n}', /2:.*"capability" is not known/],
      ['path "a/+*" { }', /forbidden/],
      ['path "a" { capabilities = [', /failed to parse policy: \d+:\d+/],
    ] as const;
    for (const [text, message] of cases) {
      assert.throws(
        () => parsePolicy(text),
        (error) => error instanceof CofferError && message.test(error.message),
        text,
      );
    }
  });
});
