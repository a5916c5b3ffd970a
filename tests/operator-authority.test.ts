/** Who may exchange the key shares of a running server and make root tokens: by the API, as its clients meet it. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { eventually } from '@coffer/testkit';
import { DurableHome, type DurableServer, initialize, unseal } from './durable-process.ts';

/** Every operation: what begins, shows, hands in and cancels. */
const OPERATIONS = ['rekey/init', 'rekey-recovery-key/init', 'generate-root/attempt'].flatMap(
  (path) =>
    [
      ['GET', path],
      ['PUT', path],
      ['DELETE', path],
      ['PUT', path.replace(/\/\w+$/, '/update')],
    ] as const,
);
const BODIES: Readonly<Record<string, object>> = {
  'rekey/init': { secret_shares: 1, secret_threshold: 1 },
  'rekey-recovery-key/init': { secret_shares: 1, secret_threshold: 1 },
  'generate-root/attempt': {},
};
const LISTENER = (more = ''): string => `listener "tcp" {\n address = "127.0.0.1:0"\n tls_disable = true\n ${more}\n}`;

describe('who may rekey and make root tokens', () => {
  let home: DurableHome;
  let server: DurableServer;
  let root = '';
  let shares: readonly string[] = [];
  beforeEach(async () => (home = await DurableHome.make()));
  afterEach(() => home.remove());

  async function open(config = '', listener = LISTENER()): Promise<void> {
    await home.configure(`${home.fileStorage}\n${config}`, listener);
    server = await home.start();
    const made = await initialize(server);
    [root, shares] = [made.root_token, made.unseal_keys_hex];
    await unseal(server, shares.slice(0, 2));
  }

  async function ask(
    method: string,
    path: string,
    token = '',
    body: object = {},
  ): Promise<{ status: number; text: string }> {
    const response = await fetch(`${server.address}/v1/sys/${path}`, {
      method,
      headers: token === '' ? {} : { 'X-Vault-Token': token },
      ...(method === 'PUT' && { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  }

  const handIn = (path: string): object => ({ nonce: path, key: randomBytes(33).toString('hex') });
  const askAs = (token: string, [method, path]: readonly [string, string]) =>
    ask(method, path, token, BODIES[path] ?? handIn(path));

  async function tokenWith(rules: string): Promise<string> {
    await server.client(root).write('sys/policies/acl/operator', { policy: rules });
    const made = await server.client(root).request('POST', 'auth/token/create', { body: { policies: ['operator'] } });
    return (made.body as { auth: { client_token: string } }).auth.client_token;
  }

  const rules = (capabilities: string): string =>
    ['rekey/*', 'rekey-recovery-key/*', 'generate-root/*']
      .map((path) => `path "sys/${path}" { capabilities = [${capabilities}] }`)
      .join('\n');

  it('is a token with sudo, for each operation', async () => {
    await open();
    const withoutSudo = await tokenWith(rules('"read", "create", "update", "delete", "list"'));
    for (const operation of OPERATIONS) {
      const name = operation.join(' ');
      for (const token of ['', 'hvs.unknown', withoutSudo]) {
        const { status, text } = await askAs(token, operation);
        assert.equal(status, 403, name);
        assert.match(text, /permission denied/, name);
      }
    }
    const withSudo = await tokenWith(rules('"read", "update", "delete", "sudo"'));
    for (const operation of OPERATIONS) {
      assert.notEqual((await askAs(withSudo, operation)).status, 403, operation.join(' '));
    }
  });

  it('cannot be stopped by others, and every step is a line in the log', async () => {
    await open();
    const begun = await ask('PUT', 'rekey/init', root, { secret_shares: 1, secret_threshold: 1 });
    const { nonce } = JSON.parse(begun.text) as { nonce: string };
    assert.equal((await ask('DELETE', 'rekey/init')).status, 403);
    assert.equal((await ask('PUT', 'rekey/update', '', { key: shares[0], nonce })).status, 403);
    assert.match((await ask('GET', 'rekey/init', root)).text, new RegExp(`"nonce":"${nonce}".*"progress":0`));
    assert.equal(
      (await ask('PUT', 'rekey/update', root, { key: Buffer.alloc(15).toString('base64'), nonce })).status,
      400,
    );
    await ask('PUT', 'rekey/update', root, { key: shares[0], nonce });
    assert.match((await ask('PUT', 'rekey/update', root, { key: shares[2], nonce })).text, /"complete":true/);
    assert.equal((await ask('PUT', 'rekey/init', root, { secret_shares: 1, secret_threshold: 2 })).status, 400);
    assert.equal((await ask('PUT', 'generate-root/attempt', root, { otp: 'short' })).status, 400);
    await ask('PUT', 'generate-root/attempt', root);
    assert.equal((await ask('PUT', 'generate-root/attempt', root)).status, 400);
    await ask('DELETE', 'generate-root/attempt', root);
    await ask('PUT', 'generate-root/attempt', root);
    await ask('PUT', 'seal', root);

    const log = server.output();
    const by = 'remote_address=127\\.0\\.0\\.1 accessor=\\w+ nonce=[0-9a-f-]+';
    for (const line of [
      `barrier rekey: started: ${by} new_shares=1 new_threshold=1`,
      `barrier rekey: refused: remote_address=127\\.0\\.0\\.1 accessor=\\w+ reason="key is shorter than minimum 16 bytes"`,
      'barrier rekey: refused: .*reason="provided threshold greater than the total shares"',
      'root generation: refused: .*reason="OTP string is wrong length',
      'root generation: refused: .*reason="root generation already in progress"',
      `barrier rekey: got a share: ${by} progress=1 required=2`,
      `barrier rekey: got a share: ${by} progress=2 required=2`,
      `barrier rekey: finished: ${by}`,
      `root generation: started: ${by}`,
      `root generation: cancelled: ${by}`,
      `root generation: cancelled: nonce=[0-9a-f-]+ reason=sealed`,
      `unseal: got a share: remote_address=127\\.0\\.0\\.1 progress=2 required=2`,
      `vault is sealed: remote_address=127\\.0\\.0\\.1 accessor=\\w+`,
    ]) {
      assert.match(log, new RegExp(line));
    }
    for (const share of shares) assert.ok(!log.includes(share), 'the log shows a share');
  });

  it('is whoever has the shares, where Vault’s key opens a group of paths', async () => {
    await open('enable_unauthenticated_access = ["generate-root"]');
    for (const operation of OPERATIONS) {
      const isOpen = operation[1].startsWith('generate-root');
      assert.equal((await askAs('', operation)).status === 403, !isOpen, operation.join(' '));
    }
    assert.match(server.output(), /served without a token: listener=\S+ paths=generate-root/);
  });

  it('is whoever has the shares, at the one listener that OpenBao’s key opens', async () => {
    const [open1, closed] = [
      LISTENER('disable_unauthed_rekey_endpoints = false'),
      LISTENER('disable_unauthed_rekey_endpoints = true'),
    ];
    await open('', `${open1}\n${closed}`);
    const addresses = [...server.output().matchAll(/Listener \d: tcp \(addr: "([^"]+)"/g)].map(([, each]) => each);
    const statuses = [];
    for (const address of addresses) statuses.push((await fetch(`http://${address}/v1/sys/rekey/init`)).status);
    assert.deepEqual(statuses, [200, 403]);
    assert.equal((await ask('GET', 'generate-root/attempt')).status, 403);
  });

  it('is changed by SIGHUP while the server runs: the way back when every root token is lost', async () => {
    await open();
    const becomes = async (config: string, status: number): Promise<void> => {
      await home.configure(`${home.fileStorage}\n${config}`, LISTENER());
      server.child.kill('SIGHUP');
      await eventually(
        async () => (await ask('GET', 'generate-root/attempt')).status === status,
        `an answer with ${status}`,
      );
    };
    assert.equal((await ask('GET', 'generate-root/attempt')).status, 403);
    await becomes('enable_unauthenticated_access = ["generate-root"]', 200);
    const begun = JSON.parse((await ask('PUT', 'generate-root/attempt')).text) as { otp: string; nonce: string };
    await ask('PUT', 'generate-root/update', '', { key: shares[0], nonce: begun.nonce });
    const done = await ask('PUT', 'generate-root/update', '', { key: shares[1], nonce: begun.nonce });
    const { encoded_token: encoded } = JSON.parse(done.text) as { encoded_token: string };
    const pad = Buffer.from(begun.otp);
    const token = Buffer.from(encoded, 'base64').map((byte, index) => byte ^ (pad[index] ?? 0));
    assert.ok((await server.client(Buffer.from(token).toString()).read('sys/mounts')) !== undefined);
    await becomes('nonsense = 1', 200);
    await eventually(
      () => /failed to reload the configuration/.test(server.output()),
      () => server.output(),
    );
    assert.match(server.output(), /failed to reload the configuration.*nonsense.* is not known/);
    await becomes('', 403);
  });

  it('is nobody while the server is sealed', async () => {
    await open('enable_unauthenticated_access = ["generate-root", "rekey"]');
    await ask('PUT', 'seal', root);
    for (const operation of OPERATIONS) {
      const { status, text } = await askAs(root, operation);
      assert.equal(status, 503);
      assert.match(text, /Vault is sealed/);
    }
  });
});
