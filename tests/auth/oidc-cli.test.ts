/** `coffer login -method=oidc`: the command, the server, a provider over TLS, and a browser that is played here. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { run } from '@coffer/cli';
import { eventually, freePort } from '@coffer/testkit';
import { apiAt, type Api } from './api.ts';
import { CLIENT, TestIssuer } from './issuer.ts';
import { startTestServer, type TestServer } from '../dev-server.ts';

let server: TestServer;
let api: Api;
let issuer: TestIssuer;
let home: string;
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'coffer-oidc-'));
  server = await startTestServer();
  api = apiAt(server.address);
  issuer = await TestIssuer.start();
  await api.ok('POST', 'sys/auth/people', { type: 'oidc' });
  await api.ok('POST', 'auth/people/config', {
    oidc_discovery_url: issuer.url,
    oidc_discovery_ca_pem: issuer.ca,
    oidc_client_id: CLIENT.id,
    oidc_client_secret: CLIENT.secret,
  });
  await api.ok('POST', 'auth/people/role/staff', {
    user_claim: 'email',
    allowed_redirect_uris: 'http://localhost:8250/oidc/callback',
  });
});
after(async () => {
  await issuer.close();
  await server.close();
  await rm(home, { recursive: true });
});

class Text extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

function startLogin(...words: string[]) {
  const [stdout, stderr] = [new Text(), new Text()];
  const env = { HOME: home, VAULT_ADDR: server.address };
  const argv = ['login', '-method=oidc', '-path=people', ...words];
  return { stdout, stderr, exit: run(argv, { stdin: Readable.from([]), stdout, stderr, env }) };
}

const addressIn = (stderr: Text): Promise<string> =>
  eventually(() => /^ {4}(https:\S+)$/m.exec(stderr.text)?.[1], 'the address to go to');

/** The browser at the provider: where that sends it. */
async function visit(url: string): Promise<URL> {
  const [response] = (await once(get(url, { ca: issuer.ca, agent: false }), 'response')) as [IncomingMessage];
  response.resume();
  return new URL(response.headers.location ?? assert.fail());
}

describe('login -method=oidc', () => {
  it('shows where to go, waits for the browser, and keeps the token', async () => {
    const port = await freePort();
    const { stdout, stderr, exit } = startLogin('role=staff', 'skip_browser=true', `port=${port}`);
    const target = await visit(await addressIn(stderr));
    assert.equal(target.origin, `http://localhost:${port}`);
    const strange = new URL(target);
    strange.searchParams.set('state', 'of another page');
    assert.equal((await fetch(strange)).status, 400);
    assert.equal((await fetch(new URL('/', target))).status, 404);
    const page = await fetch(target);
    assert.match(await page.text(), /Signed in via your OIDC provider/);
    assert.equal(await exit, 0, stderr.text);
    const token = (await readFile(join(home, '.vault-token'), 'utf8')).trim();
    assert.match(stdout.text, /token_meta_role +staff/);
    assert.equal((await api.lookup(token))['display_name'], 'people-ana@example.com');
    await assert.rejects(fetch(target), 'nothing listens any more');
  });

  it('says what the provider says, in the browser and here', async () => {
    const { stderr, exit } = startLogin('role=staff', 'skip_browser=true', `port=${await freePort()}`);
    const target = await visit(await addressIn(stderr));
    target.searchParams.delete('code');
    target.searchParams.set('error', 'access_denied');
    const page = await fetch(target);
    assert.equal(page.status, 400);
    assert.match(await page.text(), /Vault login failed. access_denied/);
    assert.equal(await exit, 2);
    assert.match(stderr.text, /Error authenticating: .*Vault login failed. access_denied/s);
  });

  it('ends at once for what the server or the machine does not allow', async () => {
    for (const [words, error] of [
      [['role=none'], /role "none" could not be found/],
      [
        ['role=staff', 'callbackhost=evil.example'],
        /Unable to authorize role "staff" with redirect_uri "http:\/\/evil/,
      ],
      [['role=staff', 'callbackmode=device'], /callbackmode "device" is not supported/],
      [['role=staff', 'skip_browser=perhaps'], /failed to parse value for "skip_browser"/],
      [
        ['role=staff', 'skip_browser=true', `port=${new URL(server.address).port}`, 'listenaddress=127.0.0.1'],
        /cannot wait for the browser/,
      ],
    ] as const) {
      const { stderr, exit } = startLogin(...words);
      assert.equal(await exit, 2, words.join(' '));
      assert.match(stderr.text, error);
    }
  });
});
