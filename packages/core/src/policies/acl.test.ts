import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CofferError, type JsonObject, type JsonValue } from '@coffer/base';
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

  it('deny by a `+` that comes after what a `*` allows, and the other way round', () => {
    const later = acl(
      'path "database/*" { capabilities = ["read"] } path "database/+/secretrole" { capabilities = ["deny"] }',
    );
    assert.equal(later.allows('read', 'database/creds/secretrole', {}, false), false);
    assert.equal(later.allows('read', 'database/creds/other', {}, false), true);
    const equal = acl('path "a/*" { capabilities = ["read"] } path "a/+" { capabilities = ["deny"] }');
    assert.equal(equal.allows('read', 'a/b', {}, false), false, 'one that does not end in * comes first');
    const earlier = acl('path "+/secret" { capabilities = ["deny"] } path "a/s*" { capabilities = ["read"] }');
    assert.equal(earlier.allows('read', 'a/secret', {}, false), true, 'the later wildcard comes first');
    const fewer = acl('path "a/+/+" { capabilities = ["deny"] } path "a/+/c" { capabilities = ["read"] }');
    assert.equal(fewer.allows('read', 'a/b/c', {}, false), true, 'fewer + come first');
    assert.equal(
      acl('path "a/+" { capabilities = ["read"] }').allows('read', 'a/', {}, false),
      true,
      '+ takes nothing too',
    );
    assert.equal(acl('path "a+b/+" { capabilities = ["read"] }').allows('read', 'axb/c', {}, false), false);
    assert.equal(
      acl('path "a*b" { capabilities = ["read"] }').allows('read', 'axb', {}, false),
      false,
      'only at the end',
    );
  });

  describe('on parameters', () => {
    /** Whether a write of `data` is allowed by one rule with these lists. */
    const write = (lists: string, data: JsonObject, ...more: string[]) =>
      acl(
        ...[lists, ...more].map((each) => `path "r" { capabilities = ["read", "update", "delete", "list"] ${each} }`),
      ).allows('update', 'r', data, false);

    it('keep a list when merged with a rule that has none', () => {
      const listed = 'allowed_parameters = { "a" = ["1"] }';
      assert.equal(write(listed, { a: '2' }, ''), false);
      assert.equal(write('', { a: '2' }, listed), false);
      assert.equal(write(listed, { a: '2' }, 'allowed_parameters = { "a" = ["2"] }'), true);
      assert.equal(write(listed, { a: '2' }, 'allowed_parameters = { "a" = [] }'), true);
      assert.equal(write('denied_parameters = { "a" = ["1"] }', { a: '2' }, 'denied_parameters = { "a" = [] }'), false);
      assert.equal(write('allowed_parameters = {}', { a: '2' }), true, 'no list at all');
    });

    it('take "*" for every parameter, whatever its values', () => {
      assert.equal(write('denied_parameters = { "*" = ["x"] }', { a: 'y' }), false);
      assert.equal(write('denied_parameters = { "*" = [] }', {}), true);
      assert.equal(write('allowed_parameters = { "*" = ["x"] }', { a: 'y' }), true);
      assert.equal(write('allowed_parameters = { "*" = [] "a" = ["1"] }', { a: '2' }), false);
      assert.equal(write('allowed_parameters = { "*" = [] "a" = ["1"] }', { b: '2' }), true);
    });

    it('match with a * at either end, and a lone one as it is', () => {
      const value = (pattern: string, given: string) =>
        write(`allowed_parameters = { "a" = ["${pattern}"] }`, { a: given });
      assert.equal(value('*x*', 'axb'), true);
      assert.equal(value('*x*', 'ab'), false);
      assert.equal(value('*x', 'ax'), true);
      assert.equal(value('x*', 'ax'), false);
      assert.equal(value('*', 'anything'), false);
      assert.equal(value('*', '*'), true);
      assert.equal(value('**', 'anything'), true);
    });

    it('compare lists and strings with commas item by item', () => {
      const allowed = 'allowed_parameters = { "a" = ["x", "y*"] }';
      assert.equal(write(allowed, { a: ['x', 'yes'] }), true);
      assert.equal(write(allowed, { a: ['x', 'z'] }), false);
      assert.equal(write(allowed, { a: 'x, yes' }), true);
      assert.equal(write(allowed, { a: 'x,z' }), false);
      assert.equal(write(allowed, { a: '' }), true, 'no item at all');
      const denied = 'denied_parameters = { "a" = ["root"] }';
      assert.equal(write(denied, { a: ['x', 'root'] }), false);
      assert.equal(write(denied, { a: 'x, root' }), false);
      assert.equal(write(denied, { a: 'x' }), true);
      assert.equal(write('denied_parameters = { "a" = [["x"]] }', { a: ['x'] }), false, 'or whole');
    });

    it('compare booleans and objects, and numbers with nothing', () => {
      const allowed = (values: string, given: JsonValue) =>
        write(`allowed_parameters = { "a" = [${values}] }`, { a: given });
      assert.equal(allowed('true', true), true);
      assert.equal(allowed('true', 'true'), false);
      assert.equal(allowed('{ k = "v" }', { k: 'v' }), true);
      assert.equal(allowed('{ k = "v" }', { k: 'v', l: 1 }), false);
      assert.equal(allowed('1', 1), false, 'an int is no json.Number in Vault');
      assert.equal(allowed('1.5', 1.5), false);
      assert.equal(allowed('"1"', 1), false);
      assert.equal(allowed('"x"', null), false);
    });

    it('look at each spelling of a name by itself', () => {
      const denied = 'denied_parameters = { "Token_Policies" = ["root"] }';
      assert.equal(write(denied, { token_policies: 'root' }), false);
      assert.equal(write(denied, { token_policies: 'x', Token_Policies: 'root' }), false);
      assert.equal(write(denied, { Token_Policies: 'root', token_policies: 'x' }), false);
      const allowed = 'allowed_parameters = { "ttl" = ["1h"] }';
      assert.equal(write(allowed, { TTL: '9h', ttl: '1h' }), false);
      assert.equal(write('required_parameters = ["TTL"]', { ttl: '1h' }), true, 'required in any case');
      assert.equal(write('required_parameters = ["ttl"]', { TTL: '1h' }), false, 'but given as the engines know it');
      assert.equal(write('denied_parameters = { "a" = ["x"] "A" = ["y"] }', { a: 'x' }), false);
    });

    it('count for reads and writes, not for lists and deletes', () => {
      const rules = acl(`path "r" { capabilities = ["read", "update", "delete", "list"]
        required_parameters = ["a"] denied_parameters = { "b" = [] } }`);
      for (const operation of ['read', 'update'] as const) {
        assert.equal(rules.allows(operation, 'r', {}, false), false);
        assert.equal(rules.allows(operation, 'r', { a: '1' }, false), true);
        assert.equal(rules.allows(operation, 'r', { a: '1', b: '1' }, false), false);
      }
      for (const operation of ['list', 'delete'] as const) {
        assert.equal(rules.allows(operation, 'r', { b: '1' }, false), true);
      }
    });
  });

  it('want answers wrapped, to the fraction of a second', () => {
    const rules = acl('path "a" { capabilities = ["read"] min_wrapping_ttl = "1500ms" max_wrapping_ttl = "1h" }');
    const read = (wrapTtl?: number) => rules.allows('read', 'a', {}, false, wrapTtl);
    assert.deepEqual([undefined, 1, 2, 3600, 3601].map(read), [false, false, true, true, false]);
    const crossed = acl(
      'path "a" { capabilities = ["read"] min_wrapping_ttl = "1h" }',
      'path "a" { capabilities = ["read"] max_wrapping_ttl = 60 }',
    );
    assert.equal(crossed.allows('read', 'a', {}, false, 60), false);
  });

  it('take JSON and the older shorthand, which adds to the capabilities', () => {
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
    assert.deepEqual(acl('path "a" { policy = "read" capabilities = ["sudo"] }').capabilities('a'), [
      'list',
      'read',
      'sudo',
    ]);
    assert.deepEqual(acl('path "a" { policy = "deny" capabilities = ["sudo"] }').capabilities('a'), ['deny']);
    assert.deepEqual(acl('path "a" { capabilities = ["patch", "subscribe", "recover"] }').capabilities('a'), [
      'patch',
      'recover',
      'subscribe',
    ]);
  });

  it('leave out a rule for an entity, since no token here has one', () => {
    const rules = acl(
      'path "a/{{identity.entity.id}}" { capabilities = ["read"] } path "b" { capabilities = ["read"] }',
    );
    assert.deepEqual(rules.capabilities('a/{{identity.entity.id}}'), ['deny']);
    assert.deepEqual(rules.capabilities('b'), ['read']);
  });

  it('are matched in linear time, however many wildcards they have', () => {
    const plusses = acl(
      `path "${'+/'.repeat(2000)}x" { capabilities = ["read"] } path "a/*" { capabilities = ["list"] }`,
    );
    const long = 'a/'.repeat(500_000);
    assert.equal(plusses.allows('read', `${'b/'.repeat(2000)}x`, {}, false), true);
    assert.equal(plusses.allows('list', long, {}, false), true);
    const nested = acl(
      Array.from({ length: 1000 }, (_, i) => `path "${'a'.repeat(i)}*" { capabilities = ["read"] }`).join('\n'),
    );
    assert.equal(nested.allows('read', 'a'.repeat(1_000_000), {}, false), true);
    assert.equal(nested.allows('read', `b${'a'.repeat(1000)}`, {}, false), true, 'by the rule for everything');
    const same = acl(
      ...Array.from({ length: 20 }, (_, i) =>
        Array.from({ length: 2500 }, (_, j) => `path "r" { allowed_parameters = { "a" = ["v${i}-${j}"] } }`).join('\n'),
      ),
      'path "r" { capabilities = ["update"] }',
    );
    assert.equal(same.allows('update', 'r', { a: 'v19-2499' }, false), true);
    assert.equal(same.allows('update', 'r', { a: 'v20-0' }, false), false);
    const globs = acl('path "r" { capabilities = ["update"] allowed_parameters = { "a" = ["*a*b", "x*"] } }');
    assert.equal(globs.allows('update', 'r', { a: `${' '.repeat(1_000_000)}a` }, false), false);
  });

  it('are bounded in size and in paths', () => {
    assert.throws(
      () => parsePolicy(`# ${'x'.repeat(1024 * 1024)}`),
      /it has 1048578 bytes; a policy may have 1048576 at most/,
    );
    assert.throws(
      () => parsePolicy('path "a" {}\n'.repeat(10_001)),
      /there are 10001 paths; a policy may have 10000 at most/,
    );
    assert.equal(parsePolicy('path "a" {}\n'.repeat(10_000)).length, 10_000);
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
      ['path "a" { capabilities = "read" }', /1:\d+: "capabilities" must be a list of strings/],
      ['path "a" { policy = "constructor" }', /invalid policy "constructor"/],
      ['path "a" { capabilities = ["__proto__"] }', /invalid capability "__proto__"/],
      ['path "a/{{identity.entity.id" { }', /not balanced/],
      ['path "a}}" { }', /not balanced/],
      ['path = { "a" = { capabilities = ["read"] } }', /"a" is not known/],
      ['path "a" { allowed_parameters = { x = "y" } }', /"allowed_parameters" must be a block of lists/],
      ['path "a" { min_wrapping_ttl = "1d2h" }', /"min_wrapping_ttl" must be a duration/],
      ['path "a" { min_wrapping_ttl = 5 min_wrapping_ttl = 6 }', /"min_wrapping_ttl" is set twice/],
      ['path "a" { control_group = {} capabilities = ["read"] }', /"control_group" must be a block with a "factor"/],
      ['{"path": {"a": {"capabilities": ["deny"]}}', /expected , or }/],
      ['{"path": {"a": {"capabilities": ["read"]}}} {"path": {"a": {}}}', /expected the end of the text/],
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
