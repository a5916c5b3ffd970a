/** Listeners as a configuration file describes them: a whole server with one of each kind, asked through each. */
import assert from 'node:assert/strict';
import { stat, writeFile } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import type { RequestOptions } from 'node:https';
import { createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { createLogger, type JsonObject } from '@coffer/base';
import { createClient } from '@coffer/client';
import { parseServerConfig } from '../apps/coffer/src/config/server-config.ts';
import { startServer } from '../apps/coffer/src/server.ts';
import { vaultShell } from './docs-shell.ts';
import { executedBlocks } from './documentation.ts';
import {
  addressOf,
  ask,
  authority,
  configuration,
  file,
  type Kind,
  known,
  log,
  others,
  server,
  startListeners,
  stopListeners,
  stranger,
  token,
} from './listener-server.ts';

before(startListeners);
after(stopListeners);

/** How the server names the address that a request came from. */
async function seenFrom(kind: Kind, headers: Record<string, string> = {}, more: RequestOptions = {}): Promise<unknown> {
  const { status, body } = await ask(kind, 'GET', 'sys/in-flight-req', undefined, { ...more, headers });
  if (status !== 200) return (body as { errors: string[] }).errors[0];
  const [seen] = Object.values(body) as { client_remote_address: string }[];
  return seen?.client_remote_address.replace(/:\d+$/, '');
}

describe('X-Forwarded-For', () => {
  const from = (address: string) => ({ 'X-Forwarded-For': address });

  it('is believed of a proxy that is named, and needed', async () => {
    assert.equal(await seenFrom('proxied', from('203.0.113.7')), '203.0.113.7');
    assert.equal(
      await seenFrom('proxied', from('198.51.100.1, 203.0.113.7')),
      '203.0.113.7',
      'the last one is the proxy’s own word',
    );
    assert.equal(await seenFrom('proxied', from('2001:db8::1')), '[2001:db8::1]');
    assert.equal(await seenFrom('proxied', from('[2001:db8::1]:443')), '[2001:db8::1]');
    assert.equal(await seenFrom('proxied', from('203.0.113.7:50000')), '203.0.113.7');
    assert.equal(await seenFrom('proxied', from('::ffff:203.0.113.7')), '203.0.113.7');
    const missing = 'missing x-forwarded-for header and configured to reject when not present';
    assert.equal(await seenFrom('proxied'), missing);
    assert.equal(await seenFrom('proxied', from(' ')), missing);
    for (const nonsense of ['somebody', '203.0.113.7, ', '1.2.3', '203.0.113.7/8']) {
      assert.match(String(await seenFrom('proxied', from(nonsense))), /^malformed x-forwarded-for request/, nonsense);
    }
  });

  it('is not believed of anybody else', async () => {
    const unauthorized = 'client address not authorized for x-forwarded-for and configured to reject connection';
    const elsewhere = { localAddress: '127.0.0.2' };
    assert.equal(await seenFrom('proxied', from('203.0.113.7'), elsewhere), unauthorized);
    assert.equal(await seenFrom('lenient', from('203.0.113.7')), '127.0.0.1');
    assert.equal(await seenFrom('plain', from('203.0.113.7')), '127.0.0.1');
    assert.equal(await seenFrom('tls', from('203.0.113.7')), '127.0.0.1');
  });

  it('is not needed, and skips hops, where the configuration says so', async () => {
    const proxy = { localAddress: '127.0.0.9' };
    assert.equal(await seenFrom('lenient', {}, proxy), '127.0.0.9');
    assert.equal(await seenFrom('lenient', from('198.51.100.1, 203.0.113.7'), proxy), '198.51.100.1');
    assert.match(
      String(await seenFrom('lenient', from('203.0.113.7'), proxy)),
      /hops to skip \(1\) would skip before earliest/,
    );
  });

  it('gives the address that a token is bound to', async () => {
    const made = await ask('plain', 'POST', 'auth/token/create', { policies: ['default'] });
    assert.equal(made.status, 200);
    await ask('plain', 'POST', 'auth/token/roles/near', {
      token_bound_cidrs: '203.0.113.0/24',
      allowed_policies: 'default',
    });
    const bound = (await ask('plain', 'POST', 'auth/token/create/near')).body as { auth: { client_token: string } };
    const headers = { 'X-Vault-Token': bound.auth.client_token };
    const lookup = async (kind: Kind, more: Record<string, string> = {}) =>
      (await ask(kind, 'GET', 'auth/token/lookup-self', undefined, { headers: { ...headers, ...more } })).status;
    assert.equal(await lookup('proxied', from('203.0.113.7')), 200);
    assert.equal(await lookup('proxied', from('203.0.114.7')), 403);
    assert.equal(await lookup('plain', from('203.0.113.7')), 403);
    assert.equal(await lookup('unix'), 403, 'a socket has no address');
  });
});

describe('TLS', () => {
  const handshake = (kind: Kind, options: ConnectionOptions = {}): Promise<string> =>
    new Promise((resolve) => {
      const port = Number(addressOf(kind).port);
      const socket = connectTls({
        port,
        host: '127.0.0.1',
        servername: 'localhost',
        ca: authority.certificatePem,
        ...options,
      });
      // With TLS 1.3 the client is done before it hears of a refusal.
      socket.on('secureConnect', () => setTimeout(() => done(socket.getProtocol() ?? ''), 100));
      socket.on('error', () => done('refused'));
      socket.on('close', () => done('refused'));
      const done = (result: string): void => {
        resolve(result);
        socket.destroy();
      };
      socket.resume();
    });
  const shown = ({ certificatePem, privateKeyPem }: typeof known) => ({ cert: certificatePem, key: privateKeyPem });

  it('asks for a certificate of the client, or demands one of a known authority', async () => {
    assert.equal(await handshake('tls'), 'TLSv1.3');
    assert.equal(await handshake('tls', shown(stranger)), 'TLSv1.3');
    assert.equal(await handshake('mutual', shown(known)), 'TLSv1.3');
    assert.equal(await handshake('mutual'), 'refused');
    assert.equal(await handshake('mutual', shown(stranger)), 'refused');
    assert.equal(await handshake('mutual', { ...shown(stranger), maxVersion: 'TLSv1.2' }), 'refused');
    assert.equal(await handshake('shut', shown(stranger)), 'TLSv1.3');
    assert.equal((await ask('mutual', 'GET', 'sys/health', undefined, shown(known))).status, 200);
  });

  it('has the versions and ciphers that are configured', async () => {
    assert.equal(await handshake('strict'), 'TLSv1.2');
    assert.equal(await handshake('strict', { minVersion: 'TLSv1.3' }), 'refused');
    assert.equal(await handshake('strict', { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }), 'refused');
    assert.equal(
      await handshake('tls', { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' }),
      'TLSv1.2',
    );
    assert.equal(
      await handshake('tls', { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' }),
      'refused',
    );
  });

  it('still demands it after a reload, of what is then the authority', async () => {
    await writeFile(file('clients.pem'), others.certificatePem);
    await server.reload(parseServerConfig(configuration(), 'c.hcl'));
    assert.equal(await handshake('mutual', shown(known)), 'refused');
    assert.equal(await handshake('mutual', shown(stranger)), 'TLSv1.3');
    assert.equal(await handshake('strict', { minVersion: 'TLSv1.3' }), 'refused', 'and the rest is as it was');
    await writeFile(file('clients.pem'), 'nothing');
    await server.reload(parseServerConfig(configuration(), 'c.hcl'));
    assert.equal(await handshake('mutual', shown(stranger)), 'TLSv1.3');
    assert.match(log, /failed to reload the certificate; the old one stays in use.*tls_client_ca_file/);
  });

  it('serves HTTP/2 to a client with a certificate', async () => {
    const session = connectHttp2(`https://localhost:${addressOf('tls').port}`, {
      ca: authority.certificatePem,
      ...shown(known),
    });
    const stream = session.request({ ':path': '/v1/sys/health' });
    const status = await new Promise((resolve) => stream.on('response', (headers) => resolve(headers[':status'])));
    assert.equal(status, 200);
    session.destroy();
  });
});

describe('a Unix socket', () => {
  it('has its permissions, and is served to clients', async () => {
    const found = await stat(file('coffer.sock'));
    assert.ok(found.isSocket());
    assert.equal(found.mode & 0o777, 0o660);
    const client = createClient({ address: `unix://${file('coffer.sock')}`, token });
    await client.write('sys/policies/acl/socket', { policy: 'path "a" { capabilities = ["read"] }' });
    assert.match(JSON.stringify((await client.read('sys/policies/acl/socket'))?.data), /path \\"a/);
    assert.equal(await seenFrom('unix'), '');
    assert.deepEqual(server.descriptions.at(-1), `unix (addr: "${file('coffer.sock')}")`);
    const many = await Promise.all(Array.from({ length: 50 }, () => ask('unix', 'GET', 'sys/health')));
    assert.ok(many.every(({ status }) => status === 200));
  });

  it('takes the place of one that was left behind, and of nothing else', async () => {
    const config = (path: string) =>
      parseServerConfig(
        `listener "unix" { address = "${path}" }\nstorage "file" { path = "${file('data2')}" }`,
        'c.hcl',
      );
    const start = async (path: string) =>
      startServer(
        config(path),
        {},
        createLogger('', 'error', () => undefined),
      );
    await assert.rejects(start(file('coffer.sock')), /cannot listen on .*coffer\.sock: the address is already in use/);
    await assert.rejects(start(file('cert.pem')), /there is a file that is not a socket/);
    await assert.rejects(start(file('none/coffer.sock')), /cannot listen on .*none/);
    await assert.rejects(start(file('x'.repeat(120))), /longer than 107 bytes/);
    await assert.rejects(
      startServer(
        parseServerConfig(
          `listener "unix" {\n address = "${file('u.sock')}"\n socket_user = "nobody-of-that-name"\n}\nstorage "file" { path = "${file('data2')}" }`,
          'c.hcl',
        ),
        {},
        createLogger('', 'error', () => undefined),
      ),
      /there is no user "nobody-of-that-name"/,
    );
    const left = createServer();
    await new Promise<void>((done) => left.listen(file('left.sock'), done));
    const second = await startServer(
      config(file('two.sock')),
      {},
      createLogger('', 'error', () => undefined),
    );
    await second.close(0);
    await assert.rejects(stat(file('two.sock')), { code: 'ENOENT' }, 'gone with its server');
    left.close();
  });
});

describe('answers of a listener', () => {
  it('have its headers, by their status, as the configuration says since the last reload', async () => {
    const headersOf = async (path: string, as = token) =>
      (await ask('plain', 'GET', path, undefined, { headers: { 'X-Vault-Token': as } })).headers;
    const found = await headersOf('sys/policies/acl/default');
    assert.deepEqual(
      [found['x-all'], found['x-kind'], found['strict-transport-security']],
      ['a; b', 'good', 'max-age=1'],
    );
    assert.equal((await headersOf('sys/policies/acl/none'))['x-kind'], 'refused');
    assert.equal((await headersOf('sys/policies/acl/default', 'nobody'))['x-kind'], 'denied');
    assert.equal(
      (await ask('tls', 'GET', 'sys/health')).headers['strict-transport-security'],
      'max-age=31536000; includeSubDomains',
    );
    await server.reload(parseServerConfig(configuration('"200" = { "X-Kind" = ["other"] }'), 'c.hcl'));
    assert.equal((await headersOf('sys/policies/acl/default'))['x-kind'], 'other');
  });

  it('leave out what is not everybody’s business', async () => {
    for (const path of ['sys/health', 'sys/seal-status']) {
      const [redacted, whole] = [await ask('plain', 'GET', path), await ask('tls', 'GET', path)];
      assert.deepEqual([redacted.body['version'], redacted.body['cluster_name']], ['', ''], path);
      assert.match(whole.body['version'] as string, /^\d+\./);
      assert.notEqual(whole.body['cluster_name'], '');
    }
  });

  it('are those of its limits', async () => {
    const write = (policy: string) => ask('small', 'PUT', 'sys/policies/acl/small', { policy });
    assert.equal((await write('path "a" { capabilities = ["read"] }')).status, 204);
    assert.equal((await write('#'.repeat(1000))).status, 413);
    const many = await ask('small', 'PUT', 'sys/tools/hash', { a: ['1', '2', '3', '4', '5'] });
    assert.equal(many.status, 400);
    assert.match(JSON.stringify(many.body), /more than 5 strings/);
    assert.equal((await ask('plain', 'GET', 'sys/metrics')).status, 403);
  });
});

describe('docs/listeners.md', () => {
  it('says what is so', async () => {
    const [hcl, shell] = executedBlocks('docs/listeners.md', import.meta.filename);
    const { listeners, requestLimiter } = parseServerConfig(hcl?.text ?? '', 'c.hcl');
    assert.equal(listeners.length, 2);
    assert.ok(listeners.every(({ warnings }) => warnings === undefined));
    assert.equal(requestLimiter?.total, 2048);
    const stdout = await vaultShell(shell?.text ?? '', { address: addressOf('plain').origin, token });
    assert.match(stdout, /"request_path":"\/v1\/sys\/in-flight-req"/);
    // The command line, over the socket.
    const read = await vaultShell('vault read sys/policies/acl/default', {
      address: `unix://${file('coffer.sock')}`,
      token,
    });
    assert.match(read, /lookup-self/);
  });
});

describe('sys/in-flight-req', () => {
  it('shows the requests under way, to tokens that may and where it is open', async () => {
    const { status, body } = await ask('tls', 'GET', 'sys/in-flight-req?x=1');
    assert.equal(status, 200);
    const [[id = '', seen] = []] = Object.entries(body);
    assert.match(id, /^[0-9a-f-]{36}$/);
    const { start_time: start, client_remote_address: address, ...rest } = seen as JsonObject;
    assert.ok(Math.abs(Date.now() - Date.parse(start as string)) < 10_000);
    assert.match(address as string, /^127\.0\.0\.1:\d+$/);
    const root = '0DHqvq2D77kL2/JTPSZkTMJbkFVmUu0TzMi0jiXcFy8=';
    assert.deepEqual(rest, { request_path: '/v1/sys/in-flight-req', request_method: 'GET', client_id: root });
    const nobody = { headers: { 'X-Vault-Token': '' } };
    assert.equal((await ask('tls', 'GET', 'sys/in-flight-req', undefined, nobody)).status, 403);
    const open = await ask('plain', 'GET', 'sys/in-flight-req', undefined, nobody);
    assert.equal(open.status, 200);
    assert.equal((Object.values(open.body)[0] as JsonObject)['client_id'], '');
  });

  it('shows whose a request is: the entity, or without one what stands for the policies of its token, as OpenBao does', async () => {
    const policy = 'path "sys/in-flight-req" { capabilities = ["read"] }';
    await ask('tls', 'PUT', 'sys/policies/acl/p', { policy });
    const clientOf = async (made: JsonObject): Promise<unknown> => {
      const { client_token: mine } = (made['auth'] ?? {}) as { client_token?: string };
      const { body } = await ask('tls', 'GET', 'sys/in-flight-req', undefined, {
        headers: { 'X-Vault-Token': mine ?? '' },
      });
      return (Object.values(body)[0] as JsonObject)['client_id'];
    };
    const { body: plain } = await ask('tls', 'PUT', 'auth/token/create', { policies: ['p'] });
    assert.equal(await clientOf(plain), 'B9WcCFncFBURZTx5hOVveNQlG77suEpCEnA/jy7xAs8=');
    const { body: batch } = await ask('tls', 'PUT', 'auth/token/create', { policies: ['p'], type: 'batch' });
    assert.equal(await clientOf(batch), 'B9WcCFncFBURZTx5hOVveNQlG77suEpCEnA/jy7xAs8=');
    await ask('tls', 'PUT', 'sys/auth/userpass', { type: 'userpass' });
    await ask('tls', 'PUT', 'auth/userpass/users/ana', { password: 'pw-ana', token_policies: ['p'] });
    const { body: login } = await ask('tls', 'PUT', 'auth/userpass/login/ana', { password: 'pw-ana' });
    const { entity_id: entity } = login['auth'] as { entity_id: string };
    assert.match(entity, /^[0-9a-f-]{36}$/);
    assert.equal(await clientOf(login), entity);
  });
});
