/** Logins of the role type oidc: the server, a real provider over TLS, and whoever sits between them. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { get } from 'node:https';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { JsonObject } from '@coffer/base';
import { apiAt, type Answer, type Api, textOf } from './api.ts';
import { CLIENT, TestIssuer } from './issuer.ts';
import { startTestServer, type TestServer } from '../dev-server.ts';
import { newKey, seconds } from './signed-jwt.ts';

const REDIRECT = 'http://localhost:8250/oidc/callback';

let server: TestServer;
let api: Api;
let issuer: TestIssuer;
before(async () => {
  server = await startTestServer();
  api = apiAt(server.address);
  await api.ok('PUT', 'sys/policies/acl/app', { policy: 'path "app" { capabilities = ["read"] }' });
  issuer = await TestIssuer.start();
  await api.ok('POST', 'sys/auth/oidc', { type: 'oidc' });
  await configure({});
});
after(async () => {
  await issuer.close();
  await server.close();
});

const configure = (more: JsonObject) =>
  api.ok('POST', 'auth/oidc/config', {
    oidc_discovery_url: issuer.url,
    oidc_discovery_ca_pem: issuer.ca,
    oidc_client_id: CLIENT.id,
    oidc_client_secret: CLIENT.secret,
    default_role: 'people',
    ...more,
  });
const role = (more: JsonObject = {}, name = 'people') =>
  api.ok('POST', `auth/oidc/role/${name}`, {
    user_claim: 'sub',
    token_policies: 'app',
    allowed_redirect_uris: REDIRECT,
    ...more,
  });

interface Begun {
  readonly url: string;
  readonly state: string;
}

async function begin(body: JsonObject = {}): Promise<Begun> {
  const asked = { redirect_uri: REDIRECT, client_nonce: 'of the client', ...body };
  const { data } = await api.ok('POST', 'auth/oidc/oidc/auth_url', asked, { token: '' });
  const url = data['auth_url'] === '' ? '' : textOf(data['auth_url']);
  return { url, state: url === '' ? '' : (new URL(url).searchParams.get('state') ?? '') };
}

/** As a browser in which somebody logs in at the provider: where it is sent then. */
async function visit(url: string): Promise<URL> {
  const request = get(url, { ca: issuer.ca, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  return new URL(response.headers.location ?? assert.fail(`the provider answered ${response.statusCode}`));
}

function callback(parameters: Readonly<Record<string, string>>): Promise<Answer> {
  const query = new URLSearchParams(parameters).toString();
  return api('GET', `auth/oidc/oidc/callback?${query}`, undefined, { token: '' });
}

/** A whole login, with what comes back from the provider changed by `change`. */
async function login(body: JsonObject = {}, change: (parameters: Record<string, string>) => void = () => undefined) {
  const target = await visit((await begin(body)).url);
  const parameters = { ...Object.fromEntries(target.searchParams), client_nonce: 'of the client' };
  change(parameters);
  return callback(parameters);
}

async function refusedLogin(error: string | RegExp, ...asked: Parameters<typeof login>): Promise<void> {
  const answer = await login(...asked);
  assert.equal(answer.status, 400, `${answer.status} ${answer.error}`);
  if (typeof error === 'string') assert.equal(answer.error, error);
  else assert.match(answer.error, error);
}

describe('oidc', () => {
  beforeEach(async () => {
    issuer.alter = () => undefined;
    issuer.answer = undefined;
    issuer.userinfo = { groups: ['staff', 'admins'] };
    await api('DELETE', 'auth/oidc/role/people');
    await role();
  });

  it('logs somebody in through the provider', async () => {
    await role({ groups_claim: 'groups', claim_mappings: { email: 'mail' }, oidc_scopes: 'profile,email' });
    const { url } = await begin();
    const asked = new URL(url).searchParams;
    assert.deepEqual(
      ['client_id', 'response_type', 'scope', 'redirect_uri', 'code_challenge_method'].map((name) => asked.get(name)),
      [CLIENT.id, 'code', 'openid profile email', REDIRECT, 'S256'],
    );
    const { status, auth, error } = await login();
    assert.equal(status, 200, error);
    assert.deepEqual(
      [auth['token_policies'], auth['metadata']],
      [['app', 'default'], { role: 'people', mail: 'ana@example.com' }],
    );
    const shown = await api.lookup(textOf(auth['client_token']));
    assert.deepEqual([shown['display_name'], shown['path']], ['oidc-ana', 'auth/oidc/oidc/callback']);
  });

  it('hides what is secret in the address that it gives out', async () => {
    const begun = await Promise.all([begin(), begin()]);
    for (const name of ['state', 'nonce', 'code_challenge']) {
      const [one, other] = begun.map(({ url }) => new URL(url).searchParams.get(name));
      assert.notEqual(one, other, name);
    }
    const inside = Buffer.from(begun[0].state.split('.')[0] ?? '', 'base64url').toString();
    assert.ok(
      !inside.includes('of the client') && !inside.includes(new URL(begun[0].url).searchParams.get('nonce') ?? '-'),
    );
    assert.ok(!server.log().includes(CLIENT.secret));
  });

  it('gives one token for each login that was begun', async () => {
    const target = await visit((await begin()).url);
    const parameters = { ...Object.fromEntries(target.searchParams), client_nonce: 'of the client' };
    assert.equal((await callback(parameters)).status, 200);
    assert.equal((await callback(parameters)).error, 'Vault login failed. Expired or missing OAuth state.');
    // A second code for the same state, from a provider that gives one.
    const { url, state } = await begin();
    const codes = [await visit(url), await visit(url), await visit(url)];
    const answers = await Promise.all(
      codes.map(({ searchParams }) =>
        callback({ state, code: searchParams.get('code') ?? '', client_nonce: 'of the client' }),
      ),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 400, 400]);
  });

  it('refuses a state that is not its own', async () => {
    const { state } = await begin();
    const [payload = '', proof = ''] = state.split('.');
    const decoded = JSON.parse(Buffer.from(payload, 'base64url').toString()) as JsonObject;
    const forge = (change: JsonObject): string =>
      `${Buffer.from(JSON.stringify({ ...decoded, ...change })).toString('base64url')}.${proof}`;
    const expired = 'Vault login failed. Expired or missing OAuth state.';
    const forged = [
      '',
      'x',
      payload,
      `${payload}.`,
      `${state}.x`,
      `${state}x`,
      forge({ role: 'admins' }),
      forge({ expires: 9e12 }),
    ];
    for (const each of forged) await refusedLogin(expired, {}, (parameters) => (parameters['state'] = each));
    await api.ok('POST', 'sys/auth/other', { type: 'oidc' });
    const answer = await api('GET', `auth/other/oidc/callback?state=${state}`, undefined, { token: '' });
    assert.equal(answer.error, 'Vault login failed. Could not load configuration.');
  });

  it('refuses another client, and another login`s code', async () => {
    for (const nonce of ['', 'of another']) {
      await refusedLogin('invalid client_nonce', {}, (parameters) => (parameters['client_nonce'] = nonce));
    }
    const stolen = (await visit((await begin()).url)).searchParams.get('code') ?? '';
    await refusedLogin('Vault login failed. Error exchanging oidc code: "invalid_grant".', {}, (parameters) => {
      parameters['code'] = stolen;
    });
    await refusedLogin(
      'Vault login failed. No code or id_token received.',
      {},
      (parameters) => (parameters['code'] = ''),
    );
    const { status } = await login({ client_nonce: '' }, (parameters) => delete parameters['client_nonce']);
    assert.equal(status, 200, 'a client that has begun without a nonce needs none');
  });

  it('repeats the errors of the provider that are known, and no other text of it', async () => {
    const withError = (error: string) => (parameters: Record<string, string>) => {
      Object.assign(parameters, { error, error_description: '<script>alert(1)</script>' });
    };
    await refusedLogin('Vault login failed. access_denied', {}, withError('access_denied'));
    await refusedLogin(/An unknown error occurred during OIDC authentication/, {}, withError('<b>'));
    assert.match(server.log(), /access_denied: <script>/);
  });

  it('believes no ID token that was not made for it and for this login', async () => {
    const cases: readonly (readonly [string, (claims: Record<string, JsonObject[string]>) => void, RegExp])[] = [
      ['issuer', (claims) => (claims['iss'] = `${issuer.url}/`), /invalid issuer/],
      ['no issuer', (claims) => delete claims['iss'], /invalid issuer/],
      ['audience', (claims) => (claims['aud'] = 'somebody else'), /invalid audience/],
      ['several audiences', (claims) => (claims['aud'] = [CLIENT.id, 'other']), /authorized party/],
      ['party', (claims) => (claims['azp'] = 'other'), /authorized party/],
      ['nonce', (claims) => (claims['nonce'] = 'old'), /Token verification failed. invalid ID token nonce/],
      ['no nonce', (claims) => delete claims['nonce'], /invalid ID token nonce/],
      ['expired', (claims) => (claims['exp'] = seconds(-100)), /token is expired/],
      ['endless', (claims) => delete claims['exp'], /no expiration time/],
      ['future', (claims) => (claims['iat'] = seconds(500)), /not yet valid|in the future/],
      ['nobody', (claims) => (claims['sub'] = ''), /no subject/],
      ['another access token', (claims) => (claims['at_hash'] = 'x'), /at_hash/],
    ];
    for (const [name, alter, error] of cases) {
      issuer.alter = alter;
      const answer = await login();
      assert.equal(answer.status, 400, name);
      assert.match(answer.error, error, name);
    }
    issuer.alter = (claims) => Object.assign(claims, { aud: [CLIENT.id, 'other'], azp: CLIENT.id });
    assert.equal((await login()).status, 200);
  });

  it('believes no ID token that is signed by somebody else, or otherwise than agreed', async () => {
    const { key } = issuer;
    issuer.key = { ...newKey(), kid: key.kid };
    await refusedLogin(/Token verification failed. failed to verify id token signature/);
    issuer.key = newKey('ES256');
    issuer.published = [issuer.key, key];
    await refusedLogin(/token signed with unexpected algorithm/);
    await configure({ jwt_supported_algs: 'ES256' });
    assert.equal((await login()).status, 200);
    issuer.key = key;
    issuer.published = [key];
    await configure({});
  });

  it('binds subject, claims, audiences and the age of the login', async () => {
    await role({ bound_subject: 'bea' });
    await refusedLogin('Vault login failed. sub claim does not match bound subject');
    await role({ bound_subject: '', bound_claims: { groups: 'admins' } });
    assert.equal((await login()).status, 200);
    await role({ bound_claims: { groups: 'owners' } });
    await refusedLogin(/^Vault login failed. error validating claims: claim "groups" does not match/);
    await role({ bound_claims: {}, bound_audiences: 'other' });
    await refusedLogin(/invalid audience/);
    await role({ bound_audiences: '', max_age: '5m' });
    assert.equal((await login()).status, 200);
    assert.equal(new URL((await begin()).url).searchParams.get('max_age'), '300');
    issuer.alter = (claims) => (claims['auth_time'] = seconds(-400));
    await refusedLogin(/auth_time/);
    issuer.alter = (claims) => delete claims['auth_time'];
    await refusedLogin(/auth_time/);
  });

  it('does without the userinfo endpoint, and believes nothing that it says of somebody else', async () => {
    await role({ groups_claim: 'groups' });
    issuer.userinfo = { sub: 'bea', groups: ['admins'] };
    await refusedLogin(/"groups" claim not found in token/);
    issuer.answer = ({ url }, response) => url === '/userinfo' && response.writeHead(500).end() !== undefined;
    await refusedLogin(/"groups" claim not found in token/);
    issuer.alter = (claims) => (claims['groups'] = ['staff']);
    assert.equal((await login()).status, 200);
    issuer.answer = undefined;
    issuer.userinfo = { aud: 'x', iss: 'x', exp: 0, groups: ['more'] };
    assert.equal((await login()).status, 200);
  });

  it('says nothing of a provider that cannot be asked but that', async () => {
    const target = await visit((await begin()).url);
    issuer.answer = (_, response) => response.writeHead(503).end('internal') !== undefined;
    const parameters = { ...Object.fromEntries(target.searchParams), client_nonce: 'of the client' };
    assert.equal((await callback(parameters)).error, 'Vault login failed. Failed to reach the provider.');
    issuer.answer = undefined;
    assert.equal((await callback(parameters)).status, 200, 'nothing is spent by that');
  });

  it('sends the browser only where the role allows it', async () => {
    await role({
      allowed_redirect_uris: ['http://127.0.0.1:8250/oidc/callback', 'https://vault.example.com/ui/callback'],
    });
    const allowed = [
      'http://127.0.0.1:8250/oidc/callback',
      'http://127.0.0.1:1/oidc/callback',
      'https://vault.example.com/ui/callback',
    ];
    const refused = [
      'http://localhost:8250/oidc/callback',
      'https://127.0.0.1:8250/oidc/callback',
      'http://127.0.0.1:8250/oidc/callback/x',
      'http://127.0.0.1:8250/oidc/callback?x=1',
      'http://x@127.0.0.1:8250/oidc/callback',
      'https://vault.example.com:444/ui/callback',
      'https://vault.example.com/ui/callback#x',
      'https://vault.example.com.evil.example/ui/callback',
      'https://evil.example/?https://vault.example.com/ui/callback',
      'javascript:alert(1)',
      'not a url',
    ];
    for (const uri of allowed) assert.notEqual((await begin({ redirect_uri: uri })).url, '', uri);
    for (const uri of refused) assert.equal((await begin({ redirect_uri: uri })).url, '', uri);
    assert.match(server.log(), /unauthorized redirect_uri javascript:alert/);
  });

  it('is begun only where it is configured', async () => {
    const refused = (error: string, body: JsonObject, mount = 'oidc') =>
      api.refused(
        [400, error],
        'POST',
        `auth/${mount}/oidc/auth_url`,
        { redirect_uri: REDIRECT, ...body },
        { token: '' },
      );
    await refused('role "none" could not be found', { role: 'none' });
    await refused('missing redirect_uri', { redirect_uri: '' });
    await api.ok('POST', 'sys/auth/keys-only', { type: 'jwt' });
    await refused('could not load configuration', {}, 'keys-only');
    await api.ok('POST', 'auth/keys-only/config', { oidc_discovery_url: issuer.url, oidc_discovery_ca_pem: issuer.ca });
    await refused('OIDC login is not configured for this mount', { role: 'x' }, 'keys-only');
    await role({ token_bound_cidrs: '10.0.0.0/8' });
    const far = await login();
    assert.deepEqual([far.status, far.error], [403, 'login request originated from invalid CIDR']);
  });
});
