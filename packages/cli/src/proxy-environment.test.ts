import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { runCli, withServer } from './cli-fixture.ts';
import { proxyFromEnvironment } from './proxy-environment.ts';

describe('proxyFromEnvironment', () => {
  const through = (env: Readonly<Record<string, string>>, url: string) => proxyFromEnvironment(env)?.(new URL(url));

  it('goes by the scheme of the URL', () => {
    const env = { HTTP_PROXY: 'http://plain:1', https_proxy: 'secure:2' };
    assert.equal(through(env, 'http://vault.example.com'), 'http://plain:1/');
    assert.equal(through(env, 'https://vault.example.com'), 'http://secure:2/');
    assert.equal(through({ HTTP_PROXY: 'http://plain:1' }, 'https://vault.example.com'), undefined);
    assert.equal(proxyFromEnvironment({ HTTPS_PROXY: '' }), undefined);
  });

  it('prefers VAULT_PROXY_ADDR, then VAULT_HTTP_PROXY, for everything', () => {
    const env = { HTTP_PROXY: 'http://plain:1', NO_PROXY: '*', VAULT_HTTP_PROXY: 'http://vault:2' };
    assert.equal(through(env, 'http://127.0.0.1:8200'), 'http://vault:2/');
    assert.equal(through({ ...env, VAULT_PROXY_ADDR: 'http://first:3' }, 'https://x'), 'http://first:3/');
  });

  it('passes by what NO_PROXY names, and this machine', () => {
    const cases: [string, string, boolean][] = [
      ['', 'http://localhost:8200', true],
      ['', 'http://127.1.2.3:8200', true],
      ['', 'http://[::1]:8200', true],
      ['', 'http://vault.example.com', false],
      ['*', 'http://vault.example.com', true],
      ['other, EXAMPLE.com ', 'http://vault.example.com', true],
      ['example.com', 'http://example.com', true],
      ['example.com', 'http://notexample.com', false],
      ['.example.com', 'http://example.com', false],
      ['.example.com', 'http://vault.example.com', true],
      ['*.example.com', 'http://vault.example.com', true],
      ['example.com:8200', 'http://vault.example.com:8200', true],
      ['example.com:8200', 'http://vault.example.com', false],
      ['example.com:443', 'https://vault.example.com', true],
      ['10.0.0.0/8', 'http://10.1.2.3', true],
      ['10.0.0.0/8', 'http://11.1.2.3', false],
      ['10.1.2.3', 'http://10.1.2.3:8200', true],
      ['10.1.2.3:1', 'http://10.1.2.3:8200', false],
      ['fd00::/8', 'http://[fd12::1]:8200', true],
      ['fd12::1', 'http://[fd12::1]:8200', true],
      ['[fd12::1]:8200', 'http://[fd12::1]:8200', true],
      ['[fd12::1]:1', 'http://[fd12::1]:8200', false],
      ['10.0.0.0/99,/,:', 'http://10.1.2.3', false],
    ];
    for (const [list, url, isExempt] of cases) {
      const proxy = through({ HTTP_PROXY: 'http://p:1', HTTPS_PROXY: 'http://p:1', no_proxy: list }, url);
      assert.equal(proxy === undefined, isExempt, `${list} ${url}`);
    }
  });
});

describe('commands', () => {
  it('go through the proxy, and say when it is the proxy that cannot be reached', async () => {
    const asked: string[] = [];
    const proxy = createServer((request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers['proxy-authorization'] ?? ''}`);
      response.end('{"data":{"by":"the proxy"}}');
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const at = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    try {
      const env = { VAULT_ADDR: 'http://vault.example.com:8200', HTTP_PROXY: `http://u:p%40ss@${at}` };
      assert.equal((await runCli(['read', '-field=by', 'x'], { env })).stdout, 'the proxy');
      assert.deepEqual(asked, ['GET http://vault.example.com:8200/v1/x Basic dTpwQHNz']);
      await withServer(
        () => ({ status: 200, body: { data: { by: 'the server' } } }),
        async ({ address }) => {
          const local = { ...env, VAULT_ADDR: address };
          assert.equal((await runCli(['read', '-field=by', 'x'], { env: local })).stdout, 'the server');
          const forced = { ...local, VAULT_PROXY_ADDR: `http://${at}` };
          assert.equal((await runCli(['read', '-field=by', 'x'], { env: forced })).stdout, 'the proxy');
        },
      );
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
    const env = { VAULT_ADDR: 'http://vault.example.com', VAULT_HTTP_PROXY: 'http://127.0.0.1:1' };
    const refused = 'proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused\n';
    assert.equal(
      (await runCli(['read', 'x'], { env })).stderr,
      `Error reading x: Get "http://vault.example.com/v1/x": ${refused}`,
    );
  });
});
