import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkHeaders, parseTarget, readToken, readWrapTtl } from './request.ts';

const refuses = (run: () => unknown, message: RegExp, code = 'invalid-request') =>
  assert.throws(run, { name: 'CofferError', code, message });

describe('parseTarget', () => {
  it('takes verbs as Vault does', () => {
    const operation = (method: string, url: string) => parseTarget(method, url)?.operation;
    assert.equal(operation('GET', '/v1/a'), 'read');
    assert.equal(operation('GET', '/v1/a?list=true'), 'list');
    assert.equal(operation('GET', '/v1/a?list=1'), 'list');
    assert.equal(operation('GET', '/v1/a?list=false'), 'read');
    assert.equal(operation('LIST', '/v1/a'), 'list');
    assert.equal(operation('PUT', '/v1/a'), 'update');
    assert.equal(operation('POST', '/v1/a?list=true'), 'update');
    assert.equal(operation('DELETE', '/v1/a'), 'delete');
    assert.equal(operation('GET', '/v1/a?help=1'), 'help');
    assert.equal(operation('HEAD', '/v1/sys/health'), 'read');
    refuses(() => parseTarget('HEAD', '/v1/database/creds/a'), /^HEAD is only supported under sys\//, 'unsupported');
    refuses(() => parseTarget('PATCH', '/v1/a'), /^unsupported method/, 'unsupported');
    refuses(() => parseTarget('GET', '/v1/a?list=maybe'), /^query parameter "list"/);
  });

  it('ends list paths in a slash and leaves others as sent', () => {
    assert.equal(parseTarget('LIST', '/v1/database/roles')?.path, 'database/roles/');
    assert.equal(parseTarget('LIST', '/v1/database/roles/')?.path, 'database/roles/');
    assert.equal(parseTarget('GET', '/v1/database/roles?list=true')?.path, 'database/roles/');
    assert.equal(parseTarget('GET', '/v1/cubbyhole/x/')?.path, 'cubbyhole/x/');
  });

  it('refuses writes to a path that ends in a slash, however that is written', () => {
    for (const path of ['a/', 'a%2f', 'a/b%2F']) {
      for (const method of ['PUT', 'POST'])
        refuses(() => parseTarget(method, `/v1/${path}`), /^cannot write to a path ending in '\/'$/);
    }
  });

  it('takes paths and names of some length only', () => {
    const name = 'n'.repeat(512);
    assert.equal(parseTarget('GET', `/v1/a/${name}/b`)?.path, `a/${name}/b`);
    for (const path of [`a/${name}n`, 'a/'.repeat(2100) + 'a'])
      refuses(() => parseTarget('GET', `/v1/${path}`), /too long/);
  });

  it('decodes paths once and refuses those that could mean another', () => {
    assert.equal(parseTarget('GET', '/v1/a%20b/%c3%a9+%25')?.path, 'a b/é+%');
    assert.equal(parseTarget('GET', '/v1/a%2Fb')?.path, 'a/b');
    for (const bad of ['%', '%zz', 'a%2', '%ff', '%c3'])
      refuses(() => parseTarget('GET', `/v1/${bad}`), /malformed percent-encoding/);
    for (const bad of ['..', 'a/../b', 'a/%2e%2e/b', 'a/.', 'a//b', '/a', 'a/b//', '%2f%2e%2e']) {
      refuses(() => parseTarget('GET', `/v1/${bad}`), /segments/);
    }
    refuses(() => parseTarget('GET', '/v1/a%00b'), /unprintable/);
    refuses(() => parseTarget('GET', '/v1/a%E2%80%AEb'), /unprintable/);
    refuses(() => parseTarget('GET', '/v1/a%E2%80%A8b'), /unprintable/);
    refuses(() => parseTarget('GET', '/v1/caf\u00c3\u00a9'), /percent-encoded/);
  });

  it('knows only /v1/', () => {
    for (const url of ['/', '/v1', '/v1/', '/ui/', '/v2/a', '*', 'http://x/v1/a', ''])
      assert.equal(parseTarget('GET', url), undefined, url);
  });

  it('makes data of the query, without list and help', () => {
    assert.deepEqual(parseTarget('GET', '/v1/a?x=1&y=a&y=b&z&list=true&q=%26+')?.query, {
      x: '1',
      y: ['a', 'b'],
      z: '',
      q: '& ',
    });
    assert.deepEqual(parseTarget('GET', '/v1/a?__proto__=1')?.query, JSON.parse('{"__proto__":"1"}'));
  });
});

describe('headers', () => {
  it('give the token', () => {
    assert.equal(readToken({ 'x-vault-token': 's.abc' }), 's.abc');
    assert.equal(readToken({ authorization: 'Bearer s.def' }), 's.def');
    assert.equal(readToken({ authorization: 'bearer s.def', 'x-vault-token': 's.abc' }), 's.abc');
    assert.equal(readToken({ authorization: 'Basic s.def' }), '');
    assert.equal(readToken({}), '');
  });

  it('give the wrapping TTL, and are refused when it cannot be read', () => {
    const ttl = (text: string) => readWrapTtl({ 'x-vault-wrap-ttl': text });
    assert.deepEqual(
      [ttl('5m0s'), ttl('90'), ttl('1h'), ttl('0'), ttl('0s'), ttl(''), readWrapTtl({})],
      [300, 90, 3600, 0, 0, 0, 0],
    );
    for (const text of ['soon', '-5m', '500ms', '5m, 5m']) refuses(() => ttl(text), /X-Vault-Wrap-TTL/);
  });

  it('that ask for what is not there are refused', () => {
    checkHeaders({ 'x-vault-namespace': '', 'x-vault-wrap-format': '' });
    checkHeaders({ 'x-vault-namespace': 'root' });
    checkHeaders({ 'x-vault-namespace': '/' });
    checkHeaders({ 'x-vault-namespace': '/root/' });
    refuses(() => checkHeaders({ 'x-vault-namespace': `${'/'.repeat(15_000)}x` }), /X-Vault-Namespace/);
    refuses(() => checkHeaders({ 'x-vault-namespace': 'team/' }), /X-Vault-Namespace/);
    refuses(() => checkHeaders({ 'x-vault-wrap-format': 'jwt' }), /X-Vault-Wrap-Format/);
  });
});
